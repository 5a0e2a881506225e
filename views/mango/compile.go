package mango

import (
	"math"
	"strconv"
)

// matcher is one node of a compiled selector. match gets one JSON value without white space
// around it, and keeps nothing.
type matcher interface {
	match(value []byte) bool
}

// compile turns a normal form into matchers.
func compile(e *expr, o *order) (matcher, error) {
	switch e.op {
	case "":
		return compileField(e, o)
	case "$and", "$or", "$nor":
		args, err := compileAll(e.args, o)
		if len(args) == 0 {
			return always(true), err // of nothing
		}
		switch e.op {
		case "$and":
			return all(args), err
		case "$or":
			return some(args), err
		}
		return not{some(args)}, err
	case "$not":
		inner, err := compile(e.args[0], o)
		return not{inner}, err
	case "$elemMatch", "$allMatch", "$keyMapMatch":
		inner, err := compile(e.args[0], o)
		switch e.op {
		case "$elemMatch":
			return someElement{inner}, err
		case "$allMatch":
			return everyElement{inner}, err
		}
		return someName{inner}, err
	}
	return compileLeaf(e, o)
}

func compileAll(args []*expr, o *order) ([]matcher, error) {
	list := make([]matcher, len(args))
	for i, arg := range args {
		var err error
		if list[i], err = compile(arg, o); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// compileField: _id compares by its bytes, everything else by what surrounds it.
func compileField(e *expr, o *order) (matcher, error) {
	if len(e.path) == 1 && e.path[0].name == "_id" {
		o = rawOrder
	}
	cond := e.args[0]
	inner, err := compile(cond, o)
	if len(e.path) == 0 {
		return inner, err // what $elemMatch and its like ask of the element itself
	}
	return field{e.path, inner, cond.op == "$exists" && kind(cond.arg) == no}, err
}

// outcomes are the comparisons by their sign: value below, equal to, above the argument.
var outcomes = map[string][3]bool{
	"$lt": {true, false, false}, "$lte": {true, true, false},
	"$gte": {false, true, true}, "$gt": {false, false, true},
}

func compileLeaf(e *expr, o *order) (matcher, error) {
	switch e.op {
	case "$lt", "$lte", "$gte", "$gt":
		return comparison{newOperand(e.arg, o), outcomes[e.op]}, nil
	case "$eq":
		return equal{newOperand(e.arg, o)}, nil
	case "$ne":
		return not{equal{newOperand(e.arg, o)}}, nil
	case "$in", "$nin":
		return compileIn(e, o), nil
	case "$all":
		return newEveryOf(e.arg), nil
	case "$exists":
		return always(kind(e.arg) == yes), nil
	case "$type":
		name, _ := decode(e.arg)
		return ofType(name), nil
	case "$size":
		n, err := strconv.Atoi(string(e.arg))
		if err != nil {
			n = math.MaxInt // longer than anything
		}
		return size(n), nil
	case "$mod":
		return newModulo(e.arg), nil
	case "$beginsWith":
		prefix, _ := decode(e.arg)
		return begins(prefix), nil
	case "$regex":
		return e.regex, nil
	}
	return always(true), nil // $default: what a text index found
}

func compileIn(e *expr, o *order) matcher {
	var list oneOf
	for m := in(e.arg); m.next(); {
		list = append(list, newOperand(m.value, o))
	}
	one := matcher(list)
	if len(list) > fewOperands {
		one = newOneOfMany(list, o)
	}
	if e.op == "$nin" {
		return not{one}
	}
	return one
}

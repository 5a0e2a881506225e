package mango

// expr is a selector on its way to the normal form.
type expr struct {
	op    string // "" for a condition on a field
	field string // the field as written, until fields are joined
	path  path
	args  []*expr // what an operator of selectors, or a field, holds
	arg   []byte  // what any other operator compares with
	regex matcher // of $regex
}

// explicit makes every operator explicit.
func explicit(raw []byte) (*expr, error) {
	if kind(raw) != object {
		return &expr{op: "$eq", arg: raw}, nil
	}
	members := distinct(raw)
	switch len(members) {
	case 0:
		return &expr{op: "$eq", arg: raw}, nil
	case 1:
		return condition(members[0].name, members[0].value)
	}
	all := &expr{op: "$and"}
	for _, m := range members {
		arg, err := condition(m.name, m.value)
		if err != nil {
			return nil, err
		}
		all.args = append(all.args, arg)
	}
	return all, nil
}

type named struct {
	name  string
	value []byte
}

// distinct are an object's members; of those with one name only the last counts.
func distinct(raw []byte) []named {
	var members []named
	last := map[string]int{}
	for m := in(raw); m.next(); {
		name, _ := decode(m.name)
		last[string(name)] = len(members)
		members = append(members, named{string(name), m.value})
	}
	kept := members[:0]
	for i, m := range members {
		if last[m.name] == i {
			kept = append(kept, m)
		}
	}
	return kept
}

// condition is one member of a selector: an operator or a field.
func condition(name string, arg []byte) (*expr, error) {
	if len(name) == 0 || name[0] != '$' {
		inner, err := explicit(arg)
		return &expr{field: name, args: []*expr{inner}}, err
	}
	o := operators[name]
	switch {
	case o.shape == 0, o.strange && !o.takes(arg):
		return nil, &Error{"invalid_operator", "Invalid operator: " + name}
	case o.shape == refused:
		return nil, &Error{"not_supported", "Unsupported operator: " + name}
	case !o.takes(arg):
		return nil, badArgument(name, arg)
	}
	e := &expr{op: name, arg: arg}
	switch o.shape {
	case inverse, within:
		inner, err := explicit(arg)
		e.args = []*expr{inner}
		return e, err
	case list:
		for m := in(arg); m.next(); {
			inner, err := explicit(m.value)
			if err != nil {
				return nil, err
			}
			e.args = append(e.args, inner)
		}
	}
	if name == "$regex" {
		var err error
		if e.regex, err = newPattern(arg); err != nil {
			return nil, err
		}
	}
	if name == "$text" {
		e.op, e.arg = "$default", []byte(`{"$text":`+string(arg)+`}`)
	}
	return e, nil
}

// join moves the names of fields down to the leaves and makes one path of them.
func (e *expr) join(under string) (*expr, error) {
	if e.op == "" {
		if under != "" && e.field != "" {
			return e.args[0].join(under + "." + e.field)
		}
		if e.field == "" && under != "" {
			return nil, &Error{"invalid_field_name", "Invalid field name: " + under + "."}
		}
		return e.args[0].join(e.field)
	}
	switch operators[e.op].shape {
	case list, inverse:
		return e, e.joinAll(under)
	case anywhere:
		if under != "" || !isSearch(e.arg) {
			return nil, &Error{"bad_field", "Invalid field normalization on selector: " + term([]byte(`{"$default":`+string(e.arg)+`}`))}
		}
		return e, nil
	case within:
		if err := e.joinAll(""); err != nil {
			return nil, err
		}
	}
	p, err := parsePath(under)
	return &expr{path: p, args: []*expr{e}}, err
}

func (e *expr) joinAll(under string) error {
	for i, arg := range e.args {
		joined, err := arg.join(under)
		if err != nil {
			return err
		}
		e.args[i] = joined
	}
	return nil
}

// isSearch is {"$text": …}, the only argument of $default.
func isSearch(arg []byte) bool {
	members := distinct(arg)
	return len(members) == 1 && members[0].name == "$text"
}

// push moves negations down to the leaves.
func (e *expr) push() (*expr, error) {
	switch e.op {
	case "$not":
		return e.args[0].negate()
	case "$nor":
		return each("$and", e.args, (*expr).negate)
	case "$and", "$or":
		return each(e.op, e.args, (*expr).push)
	}
	return e, nil // a field; what is inside one stays as written
}

func (e *expr) negate() (*expr, error) {
	switch e.op {
	case "$not":
		return e.args[0].push()
	case "$nor":
		return each("$or", e.args, (*expr).push)
	case "$and":
		return each("$or", e.args, (*expr).negate)
	case "$or":
		return each("$and", e.args, (*expr).negate)
	case "$default":
		return nil, badArgument("$not", []byte(`{"$default":`+string(e.arg)+`}`))
	case "$exists":
		turned := map[types]string{yes: "false", no: "true"}[kind(e.arg)]
		return &expr{op: e.op, arg: []byte(turned)}, nil
	case "":
		inner, err := e.args[0].negate()
		return &expr{path: e.path, args: []*expr{inner}}, err
	}
	if negated := operators[e.op].negated; negated != "" {
		return &expr{op: negated, arg: e.arg}, nil
	}
	return &expr{op: "$not", args: []*expr{e}}, nil
}

func each(op string, args []*expr, do func(*expr) (*expr, error)) (*expr, error) {
	e := &expr{op: op, args: make([]*expr, len(args))}
	for i, arg := range args {
		var err error
		if e.args[i], err = do(arg); err != nil {
			return nil, err
		}
	}
	return e, nil
}

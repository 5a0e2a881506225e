package mango

import (
	"math/big"
	"strconv"
)

// shape is how an operator's argument takes part in the normal form.
type shape byte

const (
	leaf     shape = iota + 1 // a value
	list                      // selectors, all about the same field
	inverse                   // one selector about the same field
	within                    // one selector about what is inside the field
	anywhere                  // no field at all
	refused                   // known, and not supported
)

// operator is what is known of one operator before it meets a value.
type operator struct {
	shape   shape
	takes   func(arg []byte) bool
	negated string // the operator that holds exactly where this one does not
	strange bool   // with another argument CouchDB does not know the operator at all
}

var operators = map[string]operator{
	"$and": {shape: list, takes: isA(array)},
	"$or":  {shape: list, takes: isA(array)},
	"$nor": {shape: list, takes: isA(array)},
	"$not": {shape: inverse, takes: isA(object)},

	"$elemMatch":   {shape: within, takes: isA(object)},
	"$allMatch":    {shape: within, takes: isA(object)},
	"$keyMapMatch": {shape: within, takes: isA(object)},

	"$lt":  {shape: leaf, takes: anything, negated: "$gte"},
	"$lte": {shape: leaf, takes: anything, negated: "$gt"},
	"$eq":  {shape: leaf, takes: anything, negated: "$ne"},
	"$ne":  {shape: leaf, takes: anything, negated: "$eq"},
	"$gte": {shape: leaf, takes: anything, negated: "$lt"},
	"$gt":  {shape: leaf, takes: anything, negated: "$lte"},

	"$in":     {shape: leaf, takes: isA(array), negated: "$nin"},
	"$nin":    {shape: leaf, takes: isA(array), negated: "$in"},
	"$all":    {shape: leaf, takes: isA(array)},
	"$exists": {shape: leaf, takes: isA(yes, no)}, // its negation turns the argument round

	"$type":       {shape: leaf, takes: isA(text)},
	"$size":       {shape: leaf, takes: isSize},
	"$mod":        {shape: leaf, takes: isDivision},
	"$regex":      {shape: leaf, takes: isA(text), strange: true},
	"$beginsWith": {shape: leaf, takes: isA(text), strange: true},

	"$text":    {shape: anywhere, takes: isA(text, number, yes, no)},
	"$default": {shape: anywhere, takes: anything}, // what $text becomes

	"$where":         {shape: refused},
	"$geoWithin":     {shape: refused},
	"$geoIntersects": {shape: refused},
	"$near":          {shape: refused},
	"$nearSphere":    {shape: refused},
}

func anything([]byte) bool { return true }

func isA(kinds ...types) func([]byte) bool {
	return func(arg []byte) bool {
		for _, k := range kinds {
			if kind(arg) == k {
				return true
			}
		}
		return false
	}
}

func isSize(arg []byte) bool {
	if !isInteger(arg) {
		return false
	}
	n, err := strconv.Atoi(string(arg))
	return n >= 0 && (err == nil || n > 0)
}

// isDivision is [divisor, remainder]. CouchDB takes a divisor of 0 and then fails at every number.
func isDivision(arg []byte) bool {
	d, r := division(arg)
	return d != nil && r != nil && d.Sign() != 0
}

func division(arg []byte) (d, r *big.Int) {
	var n []*big.Int
	for m := in(arg); kind(arg) == array && m.next(); {
		if !isInteger(m.value) || len(n) == 2 {
			return nil, nil
		}
		i, _ := new(big.Int).SetString(string(m.value), 10)
		n = append(n, i)
	}
	if len(n) != 2 {
		return nil, nil
	}
	return n[0], n[1]
}

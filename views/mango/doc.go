// Package mango matches documents against selectors, CouchDB's declarative queries, and
// cuts fields out of them.
//
//	s, err := mango.Compile([]byte(`{"type":"user","age":{"$gt":20}}`))
//	s.Match(doc) // doc is raw JSON; only what the selector names is read
//
// # Selectors
//
// An object. Its members all have to hold ($and is implied), a bare value means $eq, and
// an object under a field continues the path: {"a":{"b":1}} is {"a.b":1}. A dot separates
// the names of a path, \. is a dot within one, and a number addresses an array's element.
//
//	$and $or $nor [selector…]   $not selector
//	$eq $ne $lt $lte $gt $gte   any value, by view collation across types
//	$in $nin [value…]           of an array: any of its elements
//	$exists bool                $type null boolean number string array object
//	$all [value…]               an array that holds each of them, or is the only one
//	$elemMatch $allMatch        a selector that any, or every, element matches
//	$keyMapMatch                a selector that any of an object's names matches
//	$size n   $mod [d,r]        $regex pattern   $beginsWith text   $text anything
//
// # Normal form
//
// Compile rewrites a selector as CouchDB does, and String shows the result: every operator is
// explicit, paths are joined, and negations are pushed down to the leaves by De Morgan's laws.
// There $lt becomes $gte, $in becomes $nin, $exists turns round, and the rest keeps
// a $not around the one operator. What is below $elemMatch, $allMatch or $keyMapMatch stays
// as written.
//
// A field that is missing matches nothing but $exists:false. Since negations are at
// the leaves, $ne, $nin, $not and $nor need the field as well: {"$not":{"a":1}} does not find a
// document without a. Below $elemMatch and its like they are not at the leaves: there $not and $nor
// find elements without the field. (CouchDB finds nothing for a $nor there: it trips over it.) A path that leads through something that has no members (a number, an
// element past an array's end) does not even match $exists:false.
//
// Other rules that surprise: {} matches everything; {"a":{}} asks for an empty object;
// $and, $or and $nor of nothing match everything, $in and $all of nothing nothing,
// $nin of nothing everything; _id compares by its bytes; $all compares exactly, so that
// 1 is not 1.0; $text matches everything, for without a text index nobody can tell.
// A search (_find) answers nothing for an $and, $or or $nor of nothing that stands alone; that
// is its planner's rule, not the selector's.
//
// # Errors
//
// Compile and Fields answer an *Error that carries CouchDB's error and reason. _find sends
// both, _changes only the reason, under bad_request. Where CouchDB would fail at the first document
// ($mod by zero, an empty name in a path), Compile refuses.
//
// # Regular expressions
//
// $regex takes what PCRE takes, near enough: RE2 does the work in time proportional to the text, and
// only what it does not know, look-around, back-references, atomic groups, goes to a backtracking
// engine, which knows no possessive quantifiers (a++). Both are bounded for one value; one beyond the bound does not match, as beyond
// PCRE's. A dot matches a character, not a byte, and $ only the very end.
//
// # Concurrency
//
// A Selector and a Projection never change after they are made.
package mango

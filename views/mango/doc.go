// Package mango is CouchDB's declarative queries: it matches documents against selectors,
// cuts fields out of them, reads the requests of _find and _index, and plans searches. It
// knows JSON and no store; package views runs what it plans.
//
//	s, err := mango.Compile([]byte(`{"type":"user","age":{"$gt":20}}`))
//	s.Match(doc) // doc is raw JSON; only what the selector names is read
//
//	f, err := mango.ParseFind(body, mango.DefaultLimit)
//	p, err := f.Plan(indexes, false) // which index, and which part of it
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
// # Indexes
//
// An index is a view of a design document whose language is "query":
//
//	"NAME": {"map": {"fields": {"a": "asc", "b.c": "asc"}, "partial_filter_selector": {…}},
//	         "reduce": "_count", "options": {"def": what was asked for}}
//
// Its rows have the list of the fields' values for their key and null for a value. A document that
// lacks a field has no row; nor has one that the partial filter leaves out, nor a design document. The
// direction of a field is kept and means nothing. One without a name, and its design
// document, is named by the SHA-1 of what was asked for as an Erlang term, so that CouchDB
// gives it the same name.
//
// # Plans
//
// A search may use an index if every column is one that the selector needs in a document
// (every operator but $exists:false does; $or where each branch does) or one of the sort, if the sort's
// fields are its first columns, those left out that the selector holds constant, and if it is not
// partial, or use_index names it. Of those the one wins that leaves the fewest of the
// selector's ranges unused, then the one of fewest columns, then the first by name; _all_docs
// only where there is no other. With a partition asked for, partitioned indexes are looked at, else
// those that are not.
//
// The part that is read lies between the ends of the ranges of the first columns: $eq, $lt, $lte,
// $gt, $gte and $beginsWith of the conjunction, put together. All that is found there
// is matched against the whole selector. An index that holds all that selector and fields
// name is covering: documents are not read.
//
// Consider and Explain tell the same of every index, as CouchDB 3.5 does. Two plans differ from
// CouchDB's: an $or of nothing beside other conditions needs no field (CouchDB takes any index then and
// misses documents), and ids are bounded by their bytes, as they are compared, so
// that a column _id bounds an index by $eq alone.
//
// # Bookmarks
//
// A bookmark is the key and id of the last row that matched, in CouchDB's own format but for
// the compression of long ones; either server reads the other's. The next page begins behind that place, whether
// or not the row is still there (CouchDB leaves out one row in any case).
//
// # Errors
//
// Everything here answers an *Error that carries CouchDB's error and reason. _find sends
// both, _changes only the reason, under bad_request. Where CouchDB would fail at the first document
// ($mod by zero, an empty name in a path), Compile refuses. It refuses what nests deeper than 500, or
// is long and deep both, for a level costs a reading.
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
// A Selector, a Projection, an Index and a Mapper never change after they are made. A Find is of one
// search.
package mango

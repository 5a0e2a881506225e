// Package collate turns JSON values into byte strings whose bytewise order is
// CouchDB's view collation.
//
// # Order
//
//	null < false < true < numbers < strings < arrays < objects
//
// Numbers order by value; an integer too long for a float64 keeps all its digits.
// Strings order by the root collation of Unicode (punctuation before digits
// before letters, accents second, case third, a before A, U+FFFF last).
// Arrays order by elements, then the shorter first; objects by members in their stored
// order, name then value. Values that collate alike have the same key: "é" in
// its two spellings, 1 and 1.0, and texts that differ in control characters only.
//
// # Layout
//
//	null 10   false 20   true 30
//	number 40 float(8) rest      float: sign bit flipped, negative values inverted
//	string 50 text               see below
//	array  60 value ... 00
//	object 70 (string value) ... 00
//
// No key is a prefix of another, so keys can be followed by anything and still
// order by themselves first. Every key is below the byte FF.
//
// The rest of a number is 80 where the float is exact. A longer integer gives
// its distance from the float: 80 plus or minus the number of bytes, then the
// bytes, inverted where negative.
//
// A text is its primary weights, 00 00, its secondary weights, 00, its tertiary
// weights, 00. Trailing common weights of the last two levels are left out, which
// makes both empty for a plain lower-case text.
//
// # Raw order
//
// AppendRaw gives the order of options.collation "raw", which is Erlang's:
// numbers < false < null < true < objects < arrays < strings by their bytes.
//
// # The way back
//
// Keys do not hold the value's spelling: an index keeps the JSON beside them.
// ArrayPrefix reads as much of a key's structure as grouping needs.
//
// # Known differences
//
// Weights are those of golang.org/x/text, Unicode 6.2: characters younger than
// that (emoji among them) order by code point after all others. ICU has since then
// moved a few letters (Macedonian and Serbian kje and tshe among them) and orders Chinese
// characters by radical and stroke; here they order by code point, as in Unicode's own table.
package collate

// Package revtree holds a document's revision tree: merging a path into it,
// choosing the winner, stemming. It is pure: no input, no output, no clock.
package revtree

// Package revtree holds a document's revision tree: merging a path into it,
// choosing the winner, stemming. It is pure: no input, no output, no clock.
//
// A document is a forest. Each node is a revision, its parent the revision it
// was made from; a node without a stored parent is a root. A revision has one
// parent: its hash is computed from it, so two nodes with one name are one node
// and merging needs no other test. Where a foreign path contradicts that, the
// stored parent stays.
//
// Nodes are kept ordered by generation and hash. Equal forests are therefore
// equal bytes, and parents come before their children.
//
// # Encoding
//
//	tree   count nodes...            integers are unsigned varints
//	node   head [gap] [link] id      head: see the bits in encode.go
//
// A node whose parent is the node before it, one generation on, with a hash of
// 16 bytes, which is nearly every node, takes 17 bytes.
package revtree

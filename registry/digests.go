package registry

import (
	"iter"

	"settee/tarballs"
	"settee/views/packuments"
)

// Digests walks the blobs that a packument names, as text of a document: one a version.
func Digests(doc []byte) iter.Seq[tarballs.Digest] {
	return func(yield func(tarballs.Digest) bool) {
		for sum := range packuments.Integrities(doc) {
			if d, err := tarballs.ParseSRI(packuments.Text(sum)); err == nil && !yield(d) {
				return
			}
		}
	}
}

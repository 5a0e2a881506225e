package region

import (
	"strconv"
	"strings"
)

// place is the number that a sequence begins with, which grows with each change of settee's and
// CouchDB's databases: two of one database can be compared by it. 0 is the beginning, and what is no sequence.
func place(seq string) uint64 {
	digits, _, _ := strings.Cut(seq, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

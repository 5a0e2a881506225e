package region

import (
	"strconv"
	"strings"
)

// place is the number that a sequence begins with, which grows with each change of
// settee's and CouchDB's databases. Two of one database can be compared by it.
func place(seq string) (n uint64, known bool) {
	digits, _, _ := strings.Cut(seq, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

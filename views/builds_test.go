package views

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// A build that runs is listed with what it has done; one that ended is not.
func TestBuilds(t *testing.T) {
	const source = "function(doc){ emit(doc._id, 1) }"
	const docs = 700 // more than the builder reads ahead
	begun, goOn := make(chan bool, docs+2), make(chan bool)
	h := open(t, Options{Workers: 1, Native: Native{Twins: map[string]int{source: 0}, Map: func(_ []byte, _ []int, emit func(n int, k, v []byte)) {
		begun <- true
		<-goOn
		emit(0, []byte("1"), []byte("1"))
	}}})
	for i := range docs {
		h.put(fmt.Sprintf("doc%03d", i), `{}`)
	}
	for _, name := range []string{"d", "e"} { // they share the index
		h.put("_design/"+name, fmt.Sprintf(`{"views":{"v":{"map":%q}}}`, source))
	}
	require.Empty(t, h.engine.Builds())
	ended := make(chan error)
	go func() {
		_, err := h.tryQuery("v", Query{Limit: -1})
		ended <- err
	}()
	<-begun
	builds := h.engine.Builds()
	require.Len(t, builds, 1)
	require.Equal(t, "db", builds[0].Database)
	require.Equal(t, couch.DocID("_design/d"), builds[0].Design)
	require.EqualValues(t, docs+2, builds[0].Total)
	require.Less(t, builds[0].Done, builds[0].Total)
	close(goOn)
	require.NoError(t, <-ended)
	require.Empty(t, h.engine.Builds())
}

package views

import (
	"testing"

	"github.com/stretchr/testify/require"

	"settee/couch"
)

// Every sort of damage is found, and an index that is dropped comes back as it was.
func TestCheckFindsDamage(t *testing.T) {
	first := func(t *testing.T, s *couch.SpaceSnapshot, prefix []byte) ([]byte, []byte) {
		it, err := s.Iter(prefix, after(prefix))
		require.NoError(t, err)
		defer it.Close() //nolint:errcheck // it was only read
		require.True(t, it.First())
		value, err := it.Value()
		require.NoError(t, err)
		return append([]byte{}, it.Key()...), append([]byte{}, value...)
	}
	for name, c := range map[string]struct {
		harm func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch)
		want string
	}{
		"no state":         {func(_ *testing.T, _ *couch.SpaceSnapshot, b *couch.SpaceBatch) { b.Delete(stateKey) }, "it has no state"},
		"state unreadable": {func(_ *testing.T, _ *couch.SpaceSnapshot, b *couch.SpaceBatch) { b.Set(stateKey, []byte("{")) }, "its state cannot be read"},
		"document unreadable": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, value := first(t, s, docKey(""))
			b.Set(key, value[:len(value)-1])
		}, "cannot be read"},
		"document lost": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, _ := first(t, s, docKey(""))
			b.Delete(key)
		}, "documents name"},
		"row lost": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, _ := first(t, s, levelPrefix(0, 0))
			b.Delete(key)
		}, "is missing"},
		"row of nobody": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, value := first(t, s, levelPrefix(0, 0))
			b.Set(append(key, 0), value)
		}, "view 0 has"},
		"row unreadable": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, _ := first(t, s, levelPrefix(0, 0))
			b.Set(append(key, 0), []byte{200, 1})
		}, "a row cannot be read"},
		"row of another time": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, value := first(t, s, levelPrefix(0, 0))
			value[len(value)-1]++
			b.Set(key, value)
		}, "is not the one that was written"},
		"value of nobody": {func(_ *testing.T, _ *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			b.Set(append(valuePrefix(0), 1), []byte("1"))
		}, "view 0 has 1 large values, 0 rows lack theirs"},
		"summary wrong": {func(t *testing.T, s *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			key, value := first(t, s, levelPrefix(0, 3))
			value[0]++
			b.Set(key, value)
		}, "the summaries of level 3"},
		"summaries lost": {func(_ *testing.T, _ *couch.SpaceSnapshot, b *couch.SpaceBatch) {
			b.DeleteRange(levelPrefix(0, 1), after(levelPrefix(0, 1)))
		}, "the summaries of level 1"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Options{})
			h.put("_design/d", basic)
			for _, id := range []string{"a", "b", "c"} {
				h.put(id, `{"n":1,"v":2,"a":3}`)
			}
			before := h.query("n", Query{})
			spaces, err := h.db.Spaces(h.ctx)
			require.NoError(t, err)
			space := h.db.Space(spaces[0])
			snapshot, err := space.Snapshot()
			require.NoError(t, err)
			b := space.Batch()
			c.harm(t, snapshot, b)
			require.NoError(t, b.Commit())
			require.NoError(t, snapshot.Close())
			damaged := h.damaged()
			require.Len(t, damaged, 1)
			require.Contains(t, damaged[0], c.want)
			require.NoError(t, space.Drop(h.ctx))
			require.Empty(t, h.damaged())
			h.engine = New(h.store, Options{}) // as after a restart
			require.Equal(t, before, h.query("n", Query{}))
		})
	}
}

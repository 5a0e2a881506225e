package audit

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppend(t *testing.T) {
	n := newNode(t)
	chain := write(t, n.db, 10)
	first, second := document(t, n.db, entryID(chain, 1)), document(t, n.db, entryID(chain, 2))
	require.Equal(t, "log.start", first["act"])
	require.Equal(t, "", first["previous"])
	require.Equal(t, first["hash"], second["previous"])
	require.Equal(t, "package.publish", second["act"])
	require.NotContains(t, second, "note", "empty texts are left out")
	report := sound(t, n.db)
	require.EqualValues(t, 1, report.Chains)
	require.EqualValues(t, 11, report.Entries)
}

// TestCanonicalForm holds the bytes that the package's doc draws.
func TestCanonicalForm(t *testing.T) {
	o := object{"b": "ü\"\\\n\x01/", "a": true, "c": object{"z": false, "y": ""}, "_rev": "1-a", "hash": "x"}
	require.Equal(t, `{"_rev":"1-a","a":true,"b":"ü\"\\\n\u0001/","c":{"y":"","z":false},"hash":"x"}`, string(o.canonical(nil)))
	parsed, err := parse([]byte(`{"c": {"y":"","z":false}, "a":true, "b":"\u00fc\"\\\n\u0001\/"}`))
	require.NoError(t, err)
	require.Equal(t, parsed.sum(), o.sum(), "neither _rev nor hash nor the spelling counts")
}

func TestConcurrentAppendsShareAWrite(t *testing.T) {
	n := newNode(t)
	l := start(t, n.db, Options{})
	require.NoError(t, l.Append(context.Background(), sample(0)))
	before, err := n.db.Stats(context.Background())
	require.NoError(t, err)
	const writers, each = 32, 8
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for i := range each {
				require.NoError(t, l.Append(context.Background(), sample(i)))
			}
		})
	}
	all.Wait()
	after, err := n.db.Stats(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, writers*each, after.DocCount-before.DocCount, "what Append answered is stored")
	require.NoError(t, l.Close())
	sound(t, n.db)
}

func TestWhatIsAppended(t *testing.T) {
	n := newNode(t)
	l := start(t, n.db, Options{})
	ctx := context.Background()
	require.ErrorIs(t, l.Append(ctx, Entry{Act: "package.steal"}), ErrAct)
	many := map[string]string{}
	for i := range 100 {
		many[fmt.Sprint(i)] = "x"
	}
	require.NoError(t, l.Append(ctx, Entry{Act: Login, By: "a\x1b[31m\u202eb\xff\ufffd", Note: strings.Repeat("ü", 2000), Details: many}))
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Append(ctx, sample(1)), ErrClosed)
	doc := document(t, n.db, entryID(l.chain, 2))
	require.Equal(t, "a?[31m?b??", doc["by"], "what is not printable goes")
	require.LessOrEqual(t, len(doc["note"].(string)), mostText)
	require.Len(t, doc["details"], mostDetails)
	sound(t, n.db)
	_, err := Open(ctx, n.db, Options{Region: "EU/1"})
	require.Error(t, err)
}

// TestNoGoneClientLosesItsEntry gives up at once, and finds the entry all the same.
func TestNoGoneClientLosesItsEntry(t *testing.T) {
	n := newNode(t)
	l := start(t, n.db, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := l.Append(ctx, Entry{Act: Signup, By: "gone"})
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, l.Close())
	require.Equal(t, "gone", document(t, n.db, entryID(l.chain, 2))["by"])
}

func TestHeads(t *testing.T) {
	n := newNode(t)
	a := write(t, n.db, 3)
	b := write(t, n.db, 2)
	c := write(t, n.db, 1)
	heads := func(chain string) any { return document(t, n.db, entryID(chain, 1))["heads"] }
	require.Nil(t, heads(a), "there was no other")
	require.Equal(t, map[string]any{a: "0000000004 " + document(t, n.db, entryID(a, 4))["hash"].(string)}, heads(b))
	require.Equal(t, map[string]any{b: "0000000003 " + document(t, n.db, entryID(b, 3))["hash"].(string)}, heads(c), "what others named is not named again")
	report := sound(t, n.db)
	require.Len(t, report.Heads, 3)
	sound(t, n.db, report.Heads...)
	for _, h := range report.Heads {
		parsed, err := ParseHead(h.String())
		require.NoError(t, err)
		require.Equal(t, h, parsed)
	}
	for _, s := range []string{"", "eu", a + ":1=00", entryID(a, 1), entryID(a, 0) + "=" + report.Heads[0].Hash, entryID(a, 1) + "=" + strings.ToUpper(report.Heads[0].Hash)} {
		_, err := ParseHead(s)
		require.Error(t, err, s)
	}
}

// TestHourlyHeads has two logs name each other, and tell their heads.
func TestHourlyHeads(t *testing.T) {
	n := newNode(t)
	var book logbook
	us := start(t, n.db, Options{Region: "us", Logger: book.logger(), Heads: 1})
	require.NoError(t, us.Append(context.Background(), sample(0)), "its first entry is before the other chain")
	eu := write(t, n.db, 3)
	require.Eventually(t, func() bool {
		book.mu.Lock()
		defer book.mu.Unlock()
		return strings.Contains(book.String(), `audit: head`) && strings.Contains(book.String(), "chain="+us.chain)
	}, patience, pause)
	require.Eventually(t, func() bool {
		rows, err := collect(n.db, Filter{Act: LogHeads})
		require.NoError(t, err)
		return len(rows) > 0 && rows[0].heads[eu].number == 4
	}, patience, pause)
	require.NoError(t, us.Close())
	sound(t, n.db)
}

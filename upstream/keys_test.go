package upstream

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeys(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	keys, err := h.Keys(t.Context())
	require.NoError(t, err, "a registry need not have any")
	require.Empty(t, keys)
	say := func(body string) {
		o.on("/-/npm/v1/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
	}
	say(`{"keys":[{"expires":"2025-01-29T00:00:00.000Z","keyid":"SHA256:a","keytype":"ecdsa-sha2-nistp256","key":"x"},{"expires":null,"keyid":"SHA256:b","key":"y"}]}`)
	keys, err = h.Keys(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Key{{"SHA256:a", "x", time.Date(2025, 1, 29, 0, 0, 0, 0, time.UTC)}, {ID: "SHA256:b", Public: "y"}}, keys)
	say(`{"keys":[` + strings.Repeat(`{"keyid":"k","key":"x"},`, 99) + `{"keyid":"k"}]}`)
	keys, err = h.Keys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, mostKeys)
	for _, bad := range []string{`<html>`, `{"keys":7}`, strings.Repeat(" ", mostKeysText+1)} {
		say(bad)
		_, err = h.Keys(t.Context())
		require.Error(t, err)
	}
}

func TestAttestations(t *testing.T) {
	o := newOther(t)
	h := open(t, o)
	_, err := h.Attestations(t.Context(), "p", "1.0.0")
	require.ErrorIs(t, err, ErrNotFound)
	o.on("/-/npm/v1/attestations/@s%2fp@1.0.0", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"attestations":[{"predicateType":"x","bundle":{}}]}`))
	})
	list, err := h.Attestations(t.Context(), "@s/p", "1.0.0")
	require.NoError(t, err)
	require.JSONEq(t, `[{"predicateType":"x","bundle":{}}]`, string(list))
	for _, bad := range []string{`{}`, `{"attestations":7}`, strings.Repeat(" ", mostAttestations+1)} {
		o.on("/-/npm/v1/attestations/p@1.0.0", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(bad)) })
		_, err := h.Attestations(t.Context(), "p", "1.0.0")
		require.Error(t, err)
	}
}

package database

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPendingElsewhere: whoever does not know what a pending document is waits for its JSON.
func TestPendingElsewhere(t *testing.T) {
	asked := false
	text, err := json.Marshal(pending{[]byte(`{"n":1}`), func() error { asked = true; return nil }})
	require.NoError(t, err)
	require.True(t, asked)
	require.JSONEq(t, `{"n":1}`, string(text))
	why := errors.New("no")
	_, err = json.Marshal(pending{[]byte(`{}`), func() error { return why }})
	require.ErrorIs(t, err, why)
}

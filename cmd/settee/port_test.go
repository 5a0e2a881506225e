package main

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConnectionsOutlastTheirClients is pitfall 15 of the notes on npm's API: a server that hangs up before npm does makes it see
// resets, and one that ends answers or bodies after a while cuts feeds and slow lines.
func TestConnectionsOutlastTheirClients(t *testing.T) {
	p, err := listen("npm", "127.0.0.1:0")
	require.NoError(t, err)
	p.serve(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	defer func() { require.NoError(t, p.server.Close()) }()
	require.GreaterOrEqual(t, p.server.IdleTimeout, 65*time.Second)
	require.Positive(t, p.server.ReadHeaderTimeout)
	require.Zero(t, p.server.ReadTimeout)
	require.Zero(t, p.server.WriteTimeout)
}

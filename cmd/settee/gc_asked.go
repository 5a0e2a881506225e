package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"settee/registry"
)

// silence is how long a server that sweeps may say nothing. It tells each second how far it is, however long the whole takes;
// shorter would give up one whose machine is busy for a moment.
const silence = time.Minute

// asked has a server sweep that runs.
func (j *gcJob) asked(ctx context.Context, _ io.Writer, tell func(done, total int64)) (registry.Swept, error) {
	at, err := url.Parse(j.server)
	if err != nil {
		return registry.Swept{}, errors.New("--server: it cannot be read")
	}
	transport := clusterTransport()
	transport.ResponseHeaderTimeout = 0 // askSweep's bound says what to do
	defer transport.CloseIdleConnections()
	query := url.Values{"older": {j.grace.String()}, "dry": {fmt.Sprint(j.dry)}, "alone": {fmt.Sprint(j.alone)}}
	return askSweep(ctx, &http.Client{Transport: transport}, at, query, tell)
}

// askSweep asks for a sweep, and gives up a server that is silent.
func askSweep(ctx context.Context, client *http.Client, at *url.URL, query url.Values, tell func(done, total int64)) (registry.Swept, error) {
	var s registry.Swept
	bare := *at
	bare.User = nil // it is told in errors
	bare.Path = strings.TrimRight(bare.Path, "/") + "/-/settee/gc"
	bare.RawQuery = query.Encode()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(silence, func() {
		cancel(fmt.Errorf("--server %s://%s has said nothing for %s: see whether this is the npm port of a settee that answers (/-/ping) and what its log says, and ask again",
			at.Scheme, at.Host, silence))
	})
	defer alarm.Stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, bare.String(), nil)
	if err != nil {
		return s, err
	}
	password, _ := at.User.Password()
	q.SetBasicAuth(at.User.Username(), password)
	res, err := client.Do(q)
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		s, err = readSweep(res, func(done, total int64) { alarm.Reset(silence); tell(done, total) })
	} else {
		err = fmt.Errorf("--server: %w", err)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return s, err
}

// readSweep reads a server's answer: lines of how far it is, and a last one of what was done.
func readSweep(res *http.Response, tell func(done, total int64)) (s registry.Swept, err error) {
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		var line struct {
			registry.Swept
			Done, Total int64
			Error       string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return s, fmt.Errorf("the server answered %s, and not with a sweep", res.Status)
		}
		switch {
		case line.Error != "":
			return s, fmt.Errorf("the server: %s", line.Error)
		case line.Total > 0:
			tell(line.Done, line.Total)
		default:
			return line.Swept, nil
		}
	}
	if err := lines.Err(); err != nil {
		return s, fmt.Errorf("the server's answer broke off: %w", err)
	}
	return s, fmt.Errorf("the server's answer ended early (%s)", res.Status)
}

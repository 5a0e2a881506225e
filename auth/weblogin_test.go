package auth

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestWebLogin(t *testing.T) {
	ctx, now := context.Background(), newClock()
	a := openAuth(t, engine.Open(t).Client, testOptions(now))
	_, err := a.Register(ctx, "ada", "correct horse", "")
	require.NoError(t, err)
	begin := func() (page, poll string) {
		page, poll, err := a.IssueLogin(browser("192.0.2.7"), false)
		require.NoError(t, err)
		return page, poll
	}
	page, poll := begin()
	l, err := a.WebLogin(ctx, page)
	require.NoError(t, err)
	require.Equal(t, "192.0.2.7", l.Address)
	require.Empty(t, l.Answer)
	for range 2 {
		name, token, err := a.PollLogin(ctx, poll)
		require.NoError(t, err)
		require.Empty(t, name+token)
	}
	for _, bad := range []string{"", page, page + ".", page + "x." + poll[len(page)+1:], poll + "x"} {
		_, _, err := a.PollLogin(ctx, bad)
		require.ErrorIs(t, err, ErrTicket, "%q", bad)
	}
	require.ErrorIs(t, a.ApproveLogin(ctx, page, "nobody"), errNoUser)
	require.ErrorIs(t, a.ApproveLogin(ctx, poll, "ada"), ErrTicket)
	require.NoError(t, a.ApproveLogin(ctx, page, "ada"))
	require.ErrorIs(t, a.ApproveLogin(ctx, page, "root"), ErrTicket, "it was answered")
	require.ErrorIs(t, a.DenyLogin(ctx, page), ErrTicket)
	_, err = a.WebLogin(ctx, page)
	require.ErrorIs(t, err, ErrTicket)

	var got atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			name, token, err := a.PollLogin(ctx, poll)
			if err == nil {
				got.Add(1)
				id, err := a.Authenticate(request("Authorization", "Bearer "+token))
				if err != nil || id.Name != "ada" || name != "ada" {
					got.Add(100)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, got.Load())

	page, poll = begin()
	require.NoError(t, a.DenyLogin(ctx, page))
	_, _, err = a.PollLogin(ctx, poll)
	require.ErrorIs(t, err, ErrDenied)
	_, _, err = a.PollLogin(ctx, poll)
	require.ErrorIs(t, err, ErrTicket)

	page, poll = begin()
	require.NoError(t, a.ApproveLogin(ctx, page, "ada"))
	require.NoError(t, a.SetPassword(ctx, "ada", "battery staple"))
	_, _, err = a.PollLogin(ctx, poll)
	require.ErrorIs(t, err, ErrTicket, "who knew the old password gets nothing any more")

	page, poll = begin()
	now.Pass(ticketTime)
	_, err = a.WebLogin(ctx, page)
	require.ErrorIs(t, err, ErrTicket)
	require.ErrorIs(t, a.ApproveLogin(ctx, page, "ada"), ErrTicket)
	_, _, err = a.PollLogin(ctx, poll)
	require.ErrorIs(t, err, ErrTicket)
}

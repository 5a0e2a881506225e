package auth

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"settee/fixtures/engine"

	"github.com/stretchr/testify/require"
)

func TestTickets(t *testing.T) {
	ctx, now := context.Background(), newClock()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(now))
	secret, err := a.IssueTicket(ctx, Ticket{Kind: TicketReset, User: "ada", Data: json.RawMessage(`{"a":1}`), Expires: now.Now().Add(time.Hour)})
	require.NoError(t, err)

	got, err := a.Ticket(ctx, TicketReset, secret)
	require.NoError(t, err)
	require.Equal(t, "ada", got.User)
	require.JSONEq(t, `{"a":1}`, string(got.Data))
	require.Equal(t, now.Now(), got.Created.UTC())
	for _, wrong := range [][2]string{{TicketLogin, secret}, {TicketReset, secret + "x"}, {TicketReset, ""}, {"", secret}, {"re:set", secret}, {"_design/x", secret}} {
		_, err := a.Ticket(ctx, wrong[0], wrong[1])
		require.ErrorIs(t, err, ErrTicket, "%q", wrong)
		_, err = a.RedeemTicket(ctx, wrong[0], wrong[1])
		require.ErrorIs(t, err, ErrTicket, "%q", wrong)
	}

	require.NoError(t, a.AmendTicket(ctx, TicketReset, secret, func(t *Ticket) error { t.Data = json.RawMessage(`2`); return nil }))
	refusal := badRequest("no")
	require.ErrorIs(t, a.AmendTicket(ctx, TicketReset, secret, func(t *Ticket) error { t.User = "eve"; return refusal }), refusal)
	got, err = a.RedeemTicket(ctx, TicketReset, secret)
	require.NoError(t, err)
	require.Equal(t, "ada 2", got.User+" "+string(got.Data))
	_, err = a.RedeemTicket(ctx, TicketReset, secret)
	require.ErrorIs(t, err, ErrTicket)
	require.ErrorIs(t, a.AmendTicket(ctx, TicketReset, secret, func(*Ticket) error { return nil }), ErrTicket)

	for _, bad := range []Ticket{{}, {Kind: "A"}, {Kind: "a:b"}, {Kind: TicketLogin, Expires: now.Now()}, {Kind: TicketLogin, Data: json.RawMessage(`"` + strings.Repeat("x", ticketBound) + `"`)}} {
		_, err := a.IssueTicket(ctx, bad)
		require.ErrorIs(t, err, &Error{Kind: BadRequest})
	}
	require.False(t, client.DB(sessionsDB).AllDocs(ctx).Next(), "nothing is left")
}

func TestTicketsEnd(t *testing.T) {
	ctx, now := context.Background(), newClock()
	client := engine.Open(t).Client
	a := openAuth(t, client, testOptions(now))
	secret, err := a.IssueTicket(ctx, Ticket{Kind: TicketLogin})
	require.NoError(t, err)
	later, err := a.IssueTicket(ctx, Ticket{Kind: TicketInvite, Expires: now.Now().Add(24 * time.Hour)})
	require.NoError(t, err)
	_, err = client.DB(sessionsDB).Put(ctx, "note", map[string]any{"kept": true})
	require.NoError(t, err)

	now.Pass(ticketTime - time.Second)
	_, err = a.Ticket(ctx, TicketLogin, secret)
	require.NoError(t, err)
	now.Pass(time.Second)
	for range 2 {
		_, err = a.Ticket(ctx, TicketLogin, secret)
		require.ErrorIs(t, err, ErrTicket)
		_, err = a.RedeemTicket(ctx, TicketLogin, secret)
		require.ErrorIs(t, err, ErrTicket)
	}
	count := func() (n int) {
		rows := client.DB(sessionsDB).AllDocs(ctx)
		defer rows.Close()
		for rows.Next() {
			n++
		}
		require.NoError(t, rows.Err())
		return n
	}
	require.NoError(t, a.sweep(ctx))
	require.Equal(t, 3, count(), "the clocks of regions differ")
	now.Pass(sweepGrace)
	for range 2*sweepPage + 7 {
		_, err := a.IssueTicket(ctx, Ticket{Kind: TicketLogin})
		require.NoError(t, err)
	}
	require.NoError(t, a.sweep(ctx))
	require.Equal(t, 2*sweepPage+7+2, count())
	now.Pass(2 * sweepGrace)
	require.NoError(t, a.sweep(ctx))
	require.Equal(t, 2, count())
	_, err = a.Ticket(ctx, TicketInvite, later)
	require.NoError(t, err)
}

func TestTicketsAreRedeemedOnce(t *testing.T) {
	ctx := context.Background()
	a := openAuth(t, engine.Open(t).Client, testOptions(newClock()))
	for range 20 {
		secret, err := a.IssueTicket(ctx, Ticket{Kind: TicketLogin, Data: json.RawMessage(`0`)})
		require.NoError(t, err)
		var wg sync.WaitGroup
		var redeemed atomic.Int32
		for i := range 8 {
			wg.Go(func() {
				if i%4 == 0 {
					_ = a.AmendTicket(ctx, TicketLogin, secret, func(t *Ticket) error { t.Data = json.RawMessage(`1`); return nil })
				}
				if _, err := a.RedeemTicket(ctx, TicketLogin, secret); err == nil {
					redeemed.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, redeemed.Load())
	}
}

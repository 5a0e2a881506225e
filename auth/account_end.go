package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/go-kivik/kivik/v4"
)

// Accounts are those of _users, in the order of their names.
func (a *Auth) Accounts(ctx context.Context) iter.Seq2[Account, error] {
	return func(yield func(Account, error) bool) {
		rows := a.users.db.AllDocs(ctx, kivik.Params(map[string]any{"include_docs": true, "startkey": userPrefix, "endkey": userPrefix + "\ufff0"}))
		defer rows.Close()
		for rows.Next() {
			var raw json.RawMessage
			err := rows.ScanDoc(&raw)
			if err != nil {
				yield(Account{}, fmt.Errorf("auth: list accounts: %w", err))
				return
			}
			shown, err := shownAccount(raw)
			if err != nil {
				a.o.Logger.Warn("auth: an account cannot be read", "error", err)
				continue
			}
			if !yield(shown, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Account{}, fmt.Errorf("auth: list accounts: %w", err))
		}
	}
}

func shownAccount(raw json.RawMessage) (Account, error) {
	doc, err := parseObject(raw)
	if err != nil {
		return Account{}, err
	}
	who, err := parseAccount(doc)
	if err != nil {
		return Account{}, err
	}
	return who.shown(), nil
}

// DisableAccount keeps everybody out of an account: its password, tokens and sessions are good for
// nothing until it is enabled. What it published stays.
func (a *Auth) DisableAccount(ctx context.Context, name string) error {
	return a.changeAccount(ctx, name, func(doc object) (object, error) {
		if doc.has("disabled") {
			return nil, nil
		}
		return doc.with("disabled", a.o.Now().UTC().Format(timeForm)), nil
	})
}

// EnableAccount lets the owner of an account in again.
func (a *Auth) EnableAccount(ctx context.Context, name string) error {
	return a.changeAccount(ctx, name, func(doc object) (object, error) {
		if !doc.has("disabled") {
			return nil, nil
		}
		return doc.without("disabled"), nil
	})
}

// leftID is the document of sessions that keeps the name of a deleted account. It never expires:
// packages name their maintainers by name.
func leftID(name string) string { return "left:" + name }

func (a *Auth) nameWasLeft(ctx context.Context, name string) (bool, error) {
	doc, err := readObject(ctx, a.sessions, leftID(name))
	if err != nil {
		return false, fmt.Errorf("auth: read the name of a deleted account: %w", err)
	}
	return doc != nil, nil
}

// DeleteAccount deletes an account with its tokens and second factor; it and they are dead when it
// returns, or fails half-way, and may be deleted again. What it published stays. Nobody gets
// its name, until FreeName.
func (a *Auth) DeleteAccount(ctx context.Context, name string) error {
	if a.isFirstAdmin(name) || !plausibleName(name) {
		return errNoUser
	}
	doc, err := readObject(ctx, a.users.db, userID(name))
	if err != nil {
		return fmt.Errorf("auth: read an account: %w", err)
	}
	left, err := a.nameWasLeft(ctx, name)
	if err != nil {
		return err
	}
	if doc == nil && !left {
		return errNoUser
	}
	if !left {
		mark := object{textMember("type", "left"), textMember("user", name), textMember("created", a.o.Now().UTC().Format(timeForm))}
		if _, err = a.sessions.Put(ctx, leftID(name), mark.marshal()); err != nil && kivik.HTTPStatus(err) != http.StatusConflict {
			return fmt.Errorf("auth: keep the name of a deleted account: %w", err)
		}
	}
	if err := a.deleteUser(ctx, name); err != nil {
		return err
	}
	_, err = a.RevokeTokens(ctx, name)
	return errors.Join(err, a.deleteFactor(ctx, name))
}

// deleteUser deletes the document of an account, conflicts too: none may rise again.
func (a *Auth) deleteUser(ctx context.Context, name string) error {
	defer a.users.forget(userID(name))
	for {
		doc, err := readObject(ctx, a.users.db, userID(name))
		if err != nil {
			return fmt.Errorf("auth: read an account: %w", err)
		}
		if doc == nil {
			return nil
		}
		_, err = a.users.db.Delete(ctx, userID(name), doc.text("_rev"))
		if status := kivik.HTTPStatus(err); err != nil && status != http.StatusConflict && status != http.StatusNotFound {
			return fmt.Errorf("auth: delete an account: %w", err)
		}
	}
}

func (a *Auth) deleteFactor(ctx context.Context, name string) error {
	defer a.factors.forget(name)
	for {
		doc, err := readObject(ctx, a.factors.db, name)
		if err != nil || doc == nil {
			return err
		}
		_, err = a.factors.db.Delete(ctx, name, doc.text("_rev"))
		if status := kivik.HTTPStatus(err); err != nil && status != http.StatusConflict && status != http.StatusNotFound {
			return fmt.Errorf("auth: delete a second factor: %w", err)
		}
	}
}

// FreeName lets the name of a deleted account be taken again: whoever gets it maintains the
// packages that name it.
func (a *Auth) FreeName(ctx context.Context, name string) error {
	doc, err := readObject(ctx, a.sessions, leftID(name))
	if err == nil && doc != nil {
		_, err = a.sessions.Delete(ctx, leftID(name), doc.text("_rev"))
	}
	return err
}

// RevokeTokens ends all tokens of a name and tells how many there were.
func (a *Auth) RevokeTokens(ctx context.Context, name string) (n int, err error) {
	var keys []string
	rows := a.tokens.db.Query(ctx, "tokens", "by_user", kivik.Params(map[string]any{
		"reduce": false, "startkey": []any{name}, "endkey": []any{name, map[string]any{}},
	}))
	for rows.Next() {
		id, err := rows.ID()
		if err != nil {
			break
		}
		keys = append(keys, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, fmt.Errorf("auth: list tokens: %w", err)
	}
	for _, key := range keys {
		if err := a.RevokeKey(ctx, key); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-kivik/kivik/v4"
	"golang.org/x/sync/errgroup"
)

// tokensDesign lists tokens by their users, the oldest first, and when they were used.
// Members that say nothing are left out, for most tokens have none of them; nothing is
// read from keys, as ten thousand rows are read for one answer.
const tokensDesign = `{"_id":"_design/tokens","language":"javascript","views":{"by_user":{"map":"function (doc) {\n  if (doc.type !== 'token' || typeof doc.user !== 'string') return\n  var shown = {}\n  var members = ['kind', 'name', 'description', 'redacted', 'readonly', 'cidr', 'updated', 'expires', 'created', 'packages', 'scopes', 'packages_all', 'packages_and_scopes_permission', 'orgs', 'orgs_permission', 'bypass_2fa', 'publisher', 'account_created']\n  for (var i = 0; i < members.length; i++) {\n    var value = doc[members[i]]\n    if (value) shown[members[i]] = value\n  }\n  emit([doc.user, doc.created], shown)\n}","reduce":"_count"},"used":{"map":"function (doc) {\n  if (doc.type === 'used') emit([doc.user, doc.key], doc.key + ' ' + doc.at)\n}"}}}`

// ID is how a token is called in lists: its Key, or of a granular one a UUID made of it.
func (t Token) ID() string {
	if t.Kind != TokenGranular || !fullKey(t.Key) {
		return t.Key
	}
	k := t.Key // version 8: the digits are ours to choose
	return k[:8] + "-" + k[8:12] + "-8" + k[12:15] + "-a" + k[15:18] + "-" + k[18:30]
}

const keyLength = 128

func fullKey(key string) bool {
	return len(key) == keyLength && strings.Trim(key, "0123456789abcdef") == ""
}

const (
	// usedRange is from how many tokens on those of a user are read all at once, with all their uses.
	usedRange = 100
	// keptLists is how many such lists are kept.
	keptLists = 4
)

// longLists are the last whole lists of tokens that were read.
type longLists struct {
	mu struct {
		sync.Mutex
		byUser map[string]keptList
	}
}

type keptList struct {
	created string // the account's
	mark    uint64 // of the mirror of tokens, when it was read
	list    []Token
}

// of gives a copy, which is the caller's.
func (l *longLists) of(user, created string, mark uint64) ([]Token, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.mu.byUser[user]
	if !ok || kept.mark != mark || kept.created != created {
		return nil, false
	}
	return slices.Clone(kept.list), true
}

func (l *longLists) keep(user, created string, mark uint64, list []Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.byUser == nil {
		l.mu.byUser = map[string]keptList{}
	}
	makeRoom(l.mu.byUser, keptLists)
	l.mu.byUser[user] = keptList{created, mark, slices.Clone(list)}
}

// Tokens are those of a user from a place on, the oldest first, at most limit; total is
// how many there are. Tokens of an earlier account of the name are left out.
func (a *Auth) Tokens(ctx context.Context, user string, skip, limit int) (list []Token, total int, err error) {
	who, err := a.who(ctx, user)
	if err != nil {
		return nil, 0, err
	}
	if total, err = a.countTokens(ctx, user); err != nil {
		return nil, 0, err
	}
	if total > usedRange {
		whole, err := a.wholeList(ctx, who, total)
		from := min(max(skip, 0), len(whole))
		return whole[from:min(from+limit, len(whole))], total, err
	}
	if list, err = a.tokenRows(ctx, who, skip, limit); err != nil {
		return nil, 0, err
	}
	used, err := a.lastUses(ctx, user, list)
	a.tellUses(list, used)
	return list, total, err
}

// wholeList is the list of who has many tokens. npm asks for it page by page, so the last ones
// are kept for as long as no token changes.
func (a *Auth) wholeList(ctx context.Context, who *account, total int) (list []Token, err error) {
	mark, vouched := a.tokens.mark()
	if kept, ok := a.lists.of(who.name, who.created, mark); ok && vouched {
		a.tellUses(kept, nil)
		return kept, nil
	}
	var used map[string]time.Time
	var beside errgroup.Group // half of the work is to read when they were used
	beside.Go(func() (err error) { used, err = a.lastUses(ctx, who.name, nil); return err })
	list, err = a.tokenRows(ctx, who, 0, total)
	if err = errors.Join(err, beside.Wait()); err != nil {
		return nil, err
	}
	a.tellUses(list, used)
	a.lists.keep(who.name, who.created, mark, list)
	return list, nil
}

// tellUses fills in the last uses that are written, and those that wait to be.
func (a *Auth) tellUses(list []Token, used map[string]time.Time) {
	for i := range list {
		for _, at := range [...]time.Time{used[list[i].Key], a.uses.of(list[i].Key)} {
			if at.After(list[i].Used) {
				list[i].Used = at
			}
		}
	}
}

func (a *Auth) tokenRows(ctx context.Context, who *account, skip, limit int) (list []Token, err error) {
	rows := a.tokens.db.Query(ctx, "tokens", "by_user", kivik.Params(map[string]any{
		"reduce": false, "startkey": []any{who.name}, "endkey": []any{who.name, map[string]any{}}, "skip": skip, "limit": limit,
	}))
	defer rows.Close()
	list = make([]Token, 0, limit)
	for rows.Next() {
		t, of, err := scanToken(rows, who.name)
		if err != nil {
			return nil, fmt.Errorf("auth: list tokens: %w", err)
		}
		if of == who.created {
			list = append(list, t)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auth: list tokens: %w", err)
	}
	return list, nil
}

func (a *Auth) countTokens(ctx context.Context, user string) (n int, err error) {
	rows := a.tokens.db.Query(ctx, "tokens", "by_user", kivik.Params(map[string]any{"startkey": []any{user}, "endkey": []any{user, map[string]any{}}}))
	defer rows.Close()
	if rows.Next() {
		err = rows.ScanValue(&n)
	}
	if err == nil {
		err = rows.Err()
	}
	if err != nil {
		return 0, fmt.Errorf("auth: count tokens: %w", err)
	}
	return n, nil
}

// scanToken reads a row of by_user, and when the account was made whose token it is.
func scanToken(rows *kivik.ResultSet, user string) (t Token, of string, err error) {
	var shown struct {
		Kind           TokenKind  `json:"kind"`
		Name           string     `json:"name"`
		Description    string     `json:"description"`
		Redacted       string     `json:"redacted"`
		ReadOnly       bool       `json:"readonly"`
		CIDR           []string   `json:"cidr"`
		Created        string     `json:"created"`
		Updated        string     `json:"updated"`
		Expires        string     `json:"expires"`
		Packages       []string   `json:"packages"`
		Scopes         []string   `json:"scopes"`
		PackagesAll    bool       `json:"packages_all"`
		Permission     Permission `json:"packages_and_scopes_permission"`
		Orgs           []string   `json:"orgs"`
		OrgsPermission Permission `json:"orgs_permission"`
		BypassTFA      bool       `json:"bypass_2fa"`
		Of             string     `json:"account_created"`

		Publisher *PublisherMark `json:"publisher"`
	}
	id, err := rows.ID()
	if err == nil {
		err = rows.ScanValue(&shown)
	}
	if err != nil {
		return Token{}, "", err
	}
	t = Token{
		Key: id, User: user, Kind: shown.Kind, Name: shown.Name, Description: shown.Description, Redacted: shown.Redacted, ReadOnly: shown.ReadOnly,
		CIDR: shown.CIDR, Packages: shown.Packages, Scopes: shown.Scopes, PackagesAll: shown.PackagesAll,
		Permission: shown.Permission, Orgs: shown.Orgs, OrgsPermission: shown.OrgsPermission, BypassTFA: shown.BypassTFA, Publisher: shown.Publisher,
	}
	t.Created, _ = time.Parse(time.RFC3339, shown.Created) // shown only, as Updated
	t.Updated, _ = time.Parse(time.RFC3339, shown.Updated)
	if shown.Expires != "" {
		t.Expires, err = time.Parse(time.RFC3339, shown.Expires)
	}
	return t, shown.Of, err
}

// lastUses is when tokens of a user were used last, in whatever region, by their keys; of
// none in particular of all.
func (a *Auth) lastUses(ctx context.Context, user string, of []Token) (map[string]time.Time, error) {
	params := map[string]any{"startkey": []any{user}, "endkey": []any{user, map[string]any{}}}
	if of != nil {
		keys := make([]any, len(of))
		for i := range of {
			keys[i] = []any{user, of[i].Key}
		}
		params = map[string]any{"keys": keys}
	}
	used := make(map[string]time.Time, len(of))
	rows := a.tokens.db.Query(ctx, "tokens", "used", kivik.Params(params))
	defer rows.Close()
	for rows.Next() {
		var value string
		if err := rows.ScanValue(&value); err != nil {
			return nil, fmt.Errorf("auth: read last uses: %w", err)
		}
		key, when, _ := strings.Cut(value, " ")
		if at, err := time.Parse(time.RFC3339, when); err == nil && at.After(used[key]) {
			used[key] = at
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("auth: read last uses: %w", err)
	}
	return used, nil
}

// TokenOf is the token of a secret, or NotFound.
func (a *Auth) TokenOf(ctx context.Context, secret string) (Token, error) {
	if !wellFormed(secret) {
		return Token{}, errNoToken
	}
	t, err := a.tokens.doc(ctx, tokenKey(secret))
	if err != nil {
		return Token{}, err
	}
	if t == nil {
		return Token{}, errNoToken
	}
	return t.Token, nil
}

// Revoke ends a token of a user given by its secret, its Key or its ID. One that is
// unknown, or somebody else's, is NotFound.
func (a *Auth) Revoke(ctx context.Context, user, given string) (revoked Token, err error) {
	key, err := a.keyOf(ctx, given)
	if err != nil {
		return Token{}, err
	}
	doc, err := readObject(ctx, a.tokens.db, key) // past the mirror, which refuses a spoilt one
	if err != nil {
		return Token{}, err
	}
	if doc == nil || doc.text("user") != user {
		return Token{}, errNoToken
	}
	return Token{Key: key, User: user, Redacted: doc.text("redacted")}, a.RevokeKey(ctx, key)
}

var errNoToken = &Error{Kind: NotFound, Reason: "There is no token of this key."}

// keyOf is the Key of a token that is called by its secret, its Key or its ID.
func (a *Auth) keyOf(ctx context.Context, given string) (string, error) {
	if wellFormed(given) {
		return tokenKey(given), nil
	}
	if fullKey(given) {
		return given, nil
	}
	digits := strings.ReplaceAll(given, "-", "")
	if len(given) != 36 || len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", errNoToken
	}
	rows := a.tokens.db.AllDocs(ctx, kivik.Params(map[string]any{"startkey": digits[:12], "endkey": digits[:12] + "g"}))
	defer rows.Close()
	for rows.Next() {
		if id, err := rows.ID(); err == nil && (Token{Kind: TokenGranular, Key: id}).ID() == given {
			return id, nil
		}
	}
	if err := rows.Err(); err != nil {
		return "", fmt.Errorf("auth: find a token: %w", err)
	}
	return "", errNoToken
}

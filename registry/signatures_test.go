package registry

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-kivik/kivik/v4"
	"github.com/stretchr/testify/require"

	"settee/provenance"
)

// shownKeys are the keys as clients get them, once there are some.
func (h *house) shownKeys() map[string]*provenance.Key {
	var res reply
	require.Eventually(h.t, func() bool {
		res = h.do("GET", "/-/npm/v1/keys", "", nil)
		return res.Status == 200
	}, 10*time.Second, 5*time.Millisecond)
	var list struct {
		Keys []struct {
			Keyid, Keytype, Scheme, Key string
			Expires                     *time.Time
		}
	}
	require.NoError(h.t, json.Unmarshal(res.Body, &list))
	keys := map[string]*provenance.Key{}
	for _, k := range list.Keys {
		require.Equal(h.t, "ecdsa-sha2-nistp256", k.Keytype)
		require.Equal(h.t, "ecdsa-sha2-nistp256", k.Scheme)
		key, err := provenance.ParsePublic(k.Keyid, k.Key)
		require.NoError(h.t, err)
		if k.Expires != nil {
			key.Expires = *k.Expires
		}
		keys[k.Keyid] = key
	}
	return keys
}

// audited checks the signatures of a package as npm audit signatures does: each must be good, and there must be one.
func (h *house) audited(name string, keys map[string]*provenance.Key) (why string) {
	doc := h.do("GET", "/"+name, h.root, nil).JSON()
	for number, v := range doc["versions"].(dict) {
		m := v.(dict)
		dist := m["dist"].(dict)
		integrity, _ := dist["integrity"].(string)
		if integrity == "" {
			integrity = integrityIn(object{{"shasum", quote(dist["shasum"].(string))}})
		}
		list, _ := dist["signatures"].([]any)
		if len(list) == 0 {
			return number + " is not signed"
		}
		moment, _ := doc["time"].(dict)[number].(string)
		published, _ := time.Parse(time.RFC3339, moment)
		for _, one := range list {
			s := one.(dict)
			key := keys[s["keyid"].(string)]
			switch {
			case key == nil:
				return number + " is signed by a key that is not known"
			case !key.ValidAt(published):
				return number + " is signed by a key that had ended"
			case !key.Verifies(provenance.Message(name+"@"+number, integrity), s["sig"].(string)):
				return number + " is signed badly"
			}
		}
	}
	return ""
}

func TestPublishSigns(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	h.publish(h.bob, "@bob/q", "1.0.0-rc.1+build.7")
	keys := h.shownKeys()
	require.Len(t, keys, 1)
	require.Empty(t, h.audited("p", keys))
	require.Empty(t, h.audited("@bob/q", keys))
	short := h.do("GET", "/p", "", nil, "Accept", abbreviatedAccept).JSON()
	require.Equal(t, at(t, h.do("GET", "/p", "", nil).JSON(), "versions", "1.0.0", "dist", "signatures"), at(t, short, "versions", "1.0.0", "dist", "signatures"))

	var doc dict
	require.NoError(t, json.Unmarshal(h.stored1("p"), &doc))
	at(t, doc, "versions", "1.0.0", "dist").(dict)["integrity"] = "sha512-" + "A" + at(t, doc, "versions", "1.0.0", "dist", "integrity").(string)[8:]
	h.overwrite("p", doc)
	require.Eventually(t, func() bool { return h.audited("p", keys) == "1.0.0 is signed badly" }, 10*time.Second, 5*time.Millisecond, "and is not signed anew")
}

// stored1 is a package's document as it lies in the database.
func (h *house) stored1(name string) []byte {
	var raw json.RawMessage
	require.NoError(h.t, h.client.DB(Database).Get(context.Background(), name).ScanDoc(&raw))
	return raw
}

// overwrite writes a document past the registry, as another program does.
func (h *house) overwrite(name string, doc any) {
	_, err := h.client.DB(Database).Put(context.Background(), name, doc)
	require.NoError(h.t, err)
}

// foreign is a package as a registry without signatures, or with others, has it.
func foreign(name string, edit func(dists map[string]dict)) dict {
	dists := map[string]dict{
		"0.1.0": {"shasum": "3da541559918a808c2402bba5012f6c60b27661c", "tarball": "/" + name + "/-/" + name + "-0.1.0.tgz"},
		"1.0.0": {"integrity": "sha512-R9dVfEzMWllENfiuuLR8eSfvKe9eEYuaSKqKxwBzi9SiwfZAxle5HIYFFOXMvx2ZDf28yh5HDbUW5gI5jD4cLQ==", "tarball": "/" + name + "/-/" + name + "-1.0.0.tgz"},
	}
	edit(dists)
	versions, times := dict{}, dict{"created": "2020-01-01T00:00:00.000Z", "modified": "2020-01-02T00:00:00.000Z"}
	for number, dist := range dists {
		versions[number] = dict{"name": name, "version": number, "dist": dist, "deprecated": "old"}
		times[number] = "2020-01-01T00:00:00.000Z"
	}
	return dict{"_id": name, "name": name, "dist-tags": dict{"latest": "1.0.0"}, "time": times, "versions": versions, "maintainers": []dict{{"name": "bob"}}}
}

func TestBackfillSignsWhatIsThere(t *testing.T) {
	h := open(t)
	keys := h.shownKeys()
	h.overwrite("old", foreign("old", func(map[string]dict) {}))
	require.Eventually(t, func() bool { return h.audited("old", keys) == "" }, 10*time.Second, 5*time.Millisecond)
	p := parsePackument("old", h.stored1("old"))
	require.Equal(t, "2020-01-02T00:00:01.000Z", plain(p.times().of("modified")), "the same in every region")
	require.Equal(t, "old", at(t, h.do("GET", "/old", "", nil).JSON(), "versions", "1.0.0", "deprecated"))
	require.Equal(t, "2", p.rev[:1])

	theirs := dict{"keyid": "SHA256:theirs", "sig": "MEQ="}
	h.overwrite("far", foreign("far", func(dists map[string]dict) { dists["1.0.0"]["signatures"] = []dict{theirs} }))
	require.Eventually(t, func() bool {
		doc := h.do("GET", "/far", "", nil).JSON()
		return at(t, doc, "versions", "0.1.0", "dist").(dict)["signatures"] != nil
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, []any{dict{"keyid": "SHA256:theirs", "sig": "MEQ="}}, at(t, h.do("GET", "/far", "", nil).JSON(), "versions", "1.0.0", "dist", "signatures"))
}

// TestRegionsSignAlike lets two regions that share their keys back-fill at once: they write one revision.
func TestRegionsSignAlike(t *testing.T) {
	eu, us := open(t), open(t)
	eu.shares(us)
	for _, h := range []*house{eu, us} {
		h.overwrite("old", foreign("old", func(map[string]dict) {}))
	}
	keys := eu.shownKeys()
	require.Len(t, keys, 2, "each had made one before they met")
	for _, h := range []*house{eu, us} {
		require.Eventually(t, func() bool { return h.audited("old", keys) == "" }, 10*time.Second, 5*time.Millisecond)
	}
	require.Equal(t, string(eu.stored1("old")), string(us.stored1("old")))
	for i, h := range []*house{eu, us} {
		h.publish(h.bob, []string{"p", "q"}[i], "1.0.0")
		require.Empty(t, h.audited([]string{"p", "q"}[i], keys))
	}
}

// shares brings the keys of both to both, and waits until they know them.
func (h *house) shares(other *house) {
	ctx := context.Background()
	for _, way := range [][2]*house{{h, other}, {other, h}} {
		docs, err := way[0].signing.read(ctx)
		require.NoError(h.t, err)
		for _, d := range docs {
			_, err := way[1].client.DB(SigningDatabase).Put(ctx, d.ID, d, kivik.Param("new_edits", false))
			require.NoError(h.t, err)
		}
	}
	require.Eventually(h.t, func() bool { return h.keys.Load().name == other.keys.Load().name && len(h.keys.Load().keys) == 2 }, 10*time.Second, 5*time.Millisecond)
}

func TestRotate(t *testing.T) {
	h := open(t)
	h.publish(h.bob, "p", "1.0.0")
	first := h.keys.Load().keys[0]
	rotated := h.clock.Now().Add(time.Second)
	second, err := h.signing.Rotate(t.Context(), rotated)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.keys.Load().signer(h.clock.Now()).ID == second.ID }, 10*time.Second, 5*time.Millisecond)
	h.publish(h.bob, "p", "1.0.1")
	keys := h.shownKeys()
	require.Empty(t, h.audited("p", keys))
	require.Equal(t, rotated.Add(overlap).UTC().Truncate(time.Millisecond), keys[first.ID].Expires.UTC())
	require.True(t, keys[second.ID].Expires.IsZero())
	doc := h.do("GET", "/p", "", nil).JSON()
	require.Equal(t, first.ID, at(t, doc, "versions", "1.0.0", "dist", "signatures").([]any)[0].(dict)["keyid"])
	require.Equal(t, second.ID, at(t, doc, "versions", "1.0.1", "dist", "signatures").([]any)[0].(dict)["keyid"])

	// What a region that had not heard of it signed with the first after its end is signed anew.
	late := foreign("late", func(map[string]dict) {})
	h.overwrite("late", late)
	require.Eventually(t, func() bool { return h.audited("late", keys) == "" }, 10*time.Second, 5*time.Millisecond)
	var raw dict
	require.NoError(t, json.Unmarshal(h.stored1("late"), &raw))
	sig, err := first.Sign(provenance.Message("late@1.0.0", at(t, raw, "versions", "1.0.0", "dist", "integrity").(string)))
	require.NoError(t, err)
	at(t, raw, "versions", "1.0.0", "dist").(dict)["signatures"] = []dict{{"keyid": first.ID, "sig": sig}}
	raw["time"].(dict)["1.0.0"] = rotated.Add(overlap + time.Hour).UTC().Format(isoTime)
	h.overwrite("late", raw)
	require.Eventually(t, func() bool { return h.audited("late", keys) == "" }, 10*time.Second, 5*time.Millisecond)

	require.ErrorContains(t, h.signing.Revoke(t.Context(), "SHA256:none", h.clock.Now()), "there is no key")
	require.NoError(t, h.signing.Revoke(t.Context(), first.ID, h.clock.Now()))
	require.Eventually(t, func() bool {
		keys := h.shownKeys()
		return len(keys) == 1 && h.audited("p", keys) == "" && h.audited("late", keys) == ""
	}, 10*time.Second, 5*time.Millisecond)
	require.ErrorContains(t, h.signing.Revoke(t.Context(), second.ID, h.clock.Now()), "rotate first")
	all, spoilt, err := h.signing.All(t.Context())
	require.NoError(t, err)
	require.Empty(t, spoilt)
	require.True(t, all[0].Revoked && !all[0].Own(), "its private half is gone")
}

func TestKeysAreImported(t *testing.T) {
	h := open(t)
	theirs, err := provenance.NewKey(time.Now())
	require.NoError(t, err)
	sig, err := theirs.Sign(provenance.Message("far@1.0.0", "sha512-x"))
	require.NoError(t, err)
	require.NoError(t, h.signing.Import(t.Context(), "SHA256:named", theirs.Public(), time.Time{}, h.clock.Now()))
	require.NoError(t, h.signing.Import(t.Context(), "SHA256:named", theirs.Public(), time.Time{}, h.clock.Now()), "again")
	require.Error(t, h.signing.Import(t.Context(), "", "no key", time.Time{}, h.clock.Now()))
	require.Eventually(t, func() bool { return len(h.shownKeys()) == 2 }, 10*time.Second, 5*time.Millisecond)
	h.overwrite("far", foreign("far", func(dists map[string]dict) {
		delete(dists, "0.1.0")
		dists["1.0.0"]["integrity"], dists["1.0.0"]["signatures"] = "sha512-x", []dict{{"keyid": "SHA256:named", "sig": sig}}
	}))
	require.Eventually(t, func() bool { return h.audited("far", h.shownKeys()) == "" }, 10*time.Second, 5*time.Millisecond)
	h.publish(h.bob, "p", "1.0.0")
	require.Empty(t, h.audited("p", h.shownKeys()), "which only ours signs")
}

// TestKeysAreForServerAdmins holds the database to who may read it.
func TestKeysAreForServerAdmins(t *testing.T) {
	h := open(t)
	s, err := h.client.DB(SigningDatabase).Security(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"_admin"}, s.Members.Roles)
	require.Equal(t, []string{"_admin"}, s.Admins.Roles)
}

// TestSpoiltKeysAreTold lets documents that are no keys lie in the database: the others go on.
func TestSpoiltKeysAreTold(t *testing.T) {
	h := open(t)
	db := h.client.DB(SigningDatabase)
	for id, doc := range map[string]dict{
		"SHA256:a": {"type": "key", "private": "c2VjcmV0"}, "SHA256:b": {"type": "key", "public": "x"}, "SHA256:c": {"type": "key", "created": 7},
		"SHA256:d": {"type": "key", "private": h.keys.Load().keys[0].Private()}, "other": {"type": "note"},
	} {
		_, err := db.Put(t.Context(), id, doc)
		require.NoError(t, err)
	}
	keys, spoilt, err := h.signing.All(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Len(t, spoilt, 4)
	for _, why := range spoilt {
		require.NotContains(t, why.Error(), "c2VjcmV0")
	}
	h.publish(h.bob, "p", "1.0.0")
	require.Empty(t, h.audited("p", h.shownKeys()))
}

// TestSigningIsNoEdit merges a deprecation in one region with signatures that another added later.
func TestSigningIsNoEdit(t *testing.T) {
	key, err := provenance.NewKey(time.Now())
	require.NoError(t, err)
	ring := newKeyring([]*provenance.Key{key})
	base := foreign("p", func(map[string]dict) {})
	base["versions"].(dict)["1.0.0"].(dict)["deprecated"] = ""
	raw, err := json.Marshal(base)
	require.NoError(t, err)
	cur := parsePackument("p", raw)
	now := time.Now()

	deprecated := cur.clone()
	deprecated.versions[deprecated.versions.at("1.0.0")].value = parseObject(cur.versions.of("1.0.0")).with("deprecated", quote("no")).raw()
	deprecated.note(cur, now)
	signed, err := ring.complete(cur, now)
	require.NoError(t, err)
	signed.note(cur, now.Add(time.Hour))

	a, b := Leaf{Body: deprecated.encode()}, Leaf{Body: signed.encode()}
	doc, losses, err := Merge(a, b)
	require.NoError(t, err)
	require.Empty(t, losses)
	merged := parsePackument("p", doc)
	v := merged.versions.of("1.0.0")
	require.Equal(t, "no", plain(parseObject(v).of("deprecated")))
	require.NotNil(t, parseObject(parseObject(v).of("dist")).of("signatures"))
	requireLattice(t, a, b, Leaf{Body: raw})
	d := thrown(t)
	requireLattice(t, a, b, d.leaf(t))
	done, err := ring.complete(merged, now)
	require.NoError(t, err)
	require.Nil(t, done, "nothing is left to be signed")
}

// TestKeysOfTwoLeaves has a key ended where one region says so, whatever the other wrote at once.
func TestKeysOfTwoLeaves(t *testing.T) {
	h := open(t)
	id := h.keys.Load().keys[0].ID
	raw := h.document(SigningDatabase, id)
	raw["revoked"] = h.clock.Now()
	raw["_rev"], raw["_revisions"] = "1-00000000000000000000000000000001", dict{"start": 1, "ids": []string{"00000000000000000000000000000001"}}
	_, err := h.client.DB(SigningDatabase).Put(t.Context(), id, raw, kivik.Param("new_edits", false))
	require.NoError(t, err)
	keys, _, err := h.signing.All(t.Context())
	require.NoError(t, err)
	require.True(t, keys[0].Revoked)
}

func (h *house) document(db, id string) (doc dict) {
	require.NoError(h.t, h.client.DB(db).Get(context.Background(), id).ScanDoc(&doc))
	return doc
}

// BenchmarkSign is what a publish pays for its signature.
func BenchmarkSign(b *testing.B) {
	key, err := provenance.NewKey(time.Now())
	require.NoError(b, err)
	ring := newKeyring([]*provenance.Key{key})
	dist := object{{"integrity", quote("sha512-R9dVfEzMWllENfiuuLR8eSfvKe9eEYuaSKqKxwBzi9SiwfZAxle5HIYFFOXMvx2ZDf28yh5HDbUW5gI5jD4cLQ==")}}
	for b.Loop() {
		if _, err := ring.signed("p@1.0.0", dist, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

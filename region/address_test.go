package region

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereNPMIs(t *testing.T) {
	for _, c := range []struct {
		npm         NPM
		couch, want string
	}{
		{NPM{URL: "https://npm.example.com/x"}, "http://a:b@us:5984", "https://npm.example.com/x"},
		{NPM{Port: 4873}, "http://a:b@us:5984", "http://us:4873"},
		{NPM{Port: 4873, TLS: true}, "https://a:b@us:5984", "https://us:4873"},
		{NPM{Port: 4873}, "http://a:b@[::1]:5984/couch", "http://[::1]:4873"},
		{NPM{}, "http://a:b@us:5984", ""},
		{NPM{URL: "nonsense"}, "http://a:b@us:5984", ""},
	} {
		couch, err := url.Parse(c.couch)
		require.NoError(t, err)
		u, err := c.npm.at(couch)
		if c.want == "" {
			require.ErrorIs(t, err, errNoNPM)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, u.String())
	}
}

func TestPlace(t *testing.T) {
	for seq, want := range map[string]uint64{"12-abc": 12, "0": 0, "7": 7, "": 0, "-1": 0, "x-1": 0, `[3,"a"]`: 0} {
		require.Equal(t, want, place(seq), seq)
	}
}

// Whoever was first keeps the name, in whatever order the leaves stand but for equals.
func TestFirstClaim(t *testing.T) {
	for _, c := range []struct {
		claims []claim
		want   string
	}{
		{[]claim{{"2-b", "2026-02"}, {"1-a", "2026-01"}}, "1-a"},
		{[]claim{{"1-a", "2026-01"}, {"2-b", "2026-02"}}, "1-a"},
		{[]claim{{"2-b", "2026-01"}, {"2-a", "2026-01"}}, "2-b"},
		{[]claim{{"2-b", ""}, {"2-a", ""}}, "2-b"},
		{[]claim{{"2-b", ""}, {"2-a", "2026-01"}}, "2-a"},
		{[]claim{{"2-b", "2026-01"}, {"2-a", ""}}, "2-b"},
	} {
		require.Equal(t, c.want, first(c.claims).rev)
	}
}

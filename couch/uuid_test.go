package couch

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNewUUID(t *testing.T) {
	now := time.UnixMilli(0x0199_1122_3344)
	s := opened(t, Options{Now: func() time.Time { return now }})
	_, _, err := s.SetSetting("uuids", "utc_id_suffix", "-here")
	require.NoError(t, err)
	for algorithm, form := range map[string]string{
		"sequential": `^[0-9a-f]{32}$`,
		"no such":    `^[0-9a-f]{32}$`,
		"random":     `^[0-9a-f]{32}$`,
		"utc_random": `^[0-9a-f]{32}$`,
		"utc_id":     `^[0-9a-f]{14}-here$`,
		"uuid_v7":    `^0199112233447[0-9a-f]{3}[89ab][0-9a-f]{15}$`,
	} {
		_, _, err := s.SetSetting("uuids", "algorithm", algorithm)
		require.NoError(t, err)
		var all []string
		for range 5000 {
			all = append(all, s.NewUUID())
			require.Regexp(t, regexp.MustCompile(form), all[len(all)-1])
		}
		switch algorithm {
		case "utc_random", "utc_id": // though the clock stands still
			require.True(t, slices.IsSorted(all), algorithm)
		case "sequential":
			heads := map[string]bool{}
			for _, id := range all {
				heads[id[:26]] = true
			}
			require.Less(t, len(heads), 5)
		}
		slices.Sort(all)
		require.Len(t, slices.Compact(all), 5000, algorithm)
	}
}

package registry

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"settee/provenance"
)

func TestNotices(t *testing.T) {
	q, w := &request{}, httptest.NewRecorder()
	q.tell(w, "naïve\r\nSet-Cookie: a=b")
	q.tell(w, strings.Repeat("x", 5000))
	for i := range 100 {
		q.tell(w, "more "+strconv.Itoa(i/2)) // each twice
	}
	lines := w.Header().Values("npm-notice")
	require.Len(t, lines, mostNotices)
	require.Equal(t, "na?ve??Set-Cookie: a=b", lines[0])
	require.Equal(t, strings.Repeat("x", mostNotice-3)+"...", lines[1])
	require.Equal(t, []string{"more 0", "more 1"}, lines[2:4], "what was told is not told again")
}

func TestBundleIsRead(t *testing.T) {
	read := func(bundle string) (*upload, error) {
		body := `{"_attachments":{"p.sigstore":{"data":` + string(quote(bundle)) + `,"length":3},"p.tgz":{"data":"AAAA"}}}`
		return readUpload(strings.NewReader(body), t.TempDir(), 64<<20)
	}
	const text = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","é":1}`
	u, err := read(text)
	require.NoError(t, err)
	defer u.Close()
	require.Len(t, u.data(), 1)
	got, err := u.bundle()
	require.NoError(t, err)
	require.Equal(t, text, string(got))

	_, err = read(`"` + strings.Repeat("x", provenance.MostBundle) + `"`)
	require.Equal(t, 413, asError(err).Status)
}

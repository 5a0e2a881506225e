package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func scanned(in string, window int) (string, error) {
	s := newScanner(strings.NewReader(in), make([]byte, window), 1<<20)
	out, err := s.value(nil)
	if err == nil {
		err = s.finish()
	}
	return string(out), err
}

func TestScannerTakesJSONCompact(t *testing.T) {
	tests := map[string]string{
		`{}`: `{}`, ` [ ] `: `[]`, `{ "a" : [ 1 , -2.5e+3 , true , null , "x y" ] }`: `{"a":[1,-2.5e+3,true,null,"x y"]}`,
		`"\u00e9\n\/\ud83d\ude00é😀"`: `"\u00e9\n\/\ud83d\ude00é😀"`, `0`: `0`, `-0`: `-0`, `10`: `10`, `false`: `false`,
		`"\ud83d"`: `"\ufffd"`, `"\ude00x"`: `"\ufffdx"`, `"\ud83d\ud83d"`: `"\ufffd\ufffd"`, `"\ud83dx"`: `"\ufffdx"`,
		`"\ud83d\u0041"`: `"\ufffd\u0041"`, `"\ud83d\n"`: `"\ufffd\n"`, `"\ud83d\\"`: `"\ufffd\\"`,
	}
	for in, want := range tests {
		for _, window := range []int{1, 2, 3, 7, 64} {
			got, err := scanned(in, window)
			require.NoError(t, err, "%s window %d", in, window)
			require.Equal(t, want, got, "%s window %d", in, window)
			require.True(t, json.Valid([]byte(got)), in)
		}
	}
}

func TestScannerRefuses(t *testing.T) {
	for _, in := range []string{
		``, ` `, `{`, `[`, `"`, `"a`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `{,}`, `{a:1}`, `01`, `1.`, `.5`, `+1`, `-`, `1e`, `1e+`, `tru`, `nul`, `nulL`,
		`"\x"`, `"\u12g4"`, `"\u12`, "\"\x01\"", "\"\n\"", "\"\xff\"", "\"\xed\xa0\x80\"", `{} {}`, `1 2`, `[1}`, `{"a":1]`, `'a'`, `NaN`, "\ufeff{}", `"\ud83d\x"`, `"\ud83d`,
		strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat("9", 500),
	} {
		for _, window := range []int{1, 5, 64} {
			_, err := scanned(in, window)
			require.Error(t, err, "%q window %d", in, window)
			require.Equal(t, 400, asError(err).Status, "%q", in)
		}
	}
}

func TestScannerBoundsMetadata(t *testing.T) {
	s := newScanner(strings.NewReader(`"`+strings.Repeat("x", 5000)+`"`), make([]byte, 64), 1000)
	_, err := s.value(nil)
	require.Equal(t, 413, asError(err).Status)
	_, err = newScanner(strings.NewReader("["+strings.Repeat("[],", 5000)+"1]"), make([]byte, 64), 1000).value(nil)
	require.Equal(t, 413, asError(err).Status, "not only strings count")
}

func TestScannerReportsABrokenStream(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(io.ErrUnexpectedEOF))
	_, err := newScanner(broken, make([]byte, 64), 1000).value(nil)
	require.Equal(t, 400, asError(err).Status)
}

func TestStrictBase64(t *testing.T) {
	decode := func(in string, window int) (string, error) {
		var out bytes.Buffer
		s := newScanner(strings.NewReader(in), make([]byte, window), 1<<20)
		err := s.data(&out)
		return out.String(), err
	}
	for n := range 70 {
		want := strings.Repeat("\xfb\xff\x00q", 20)[:n]
		in, _ := json.Marshal(base64.StdEncoding.EncodeToString([]byte(want)))
		for _, window := range []int{1, 3, 64, 1 << 14} {
			got, err := decode(string(in), window)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	got, err := decode(`"\/\/8\u003d"`, 64)
	require.NoError(t, err)
	require.Equal(t, "\xff\xff", got)
	for _, in := range []string{`"AAA"`, `"A==="`, `"AA==AAAA"`, `"QQ==QQ=="`, `"QR=="`, `"AA A"`, `"AAAA\nAAAA"`, `"AAAA\n\n\n\nAAAA"`, `"\u000aAAAA"`, `"AA-_"`, `"AA=A"`, `"AAAA`, `"AAAA\x"`, "\"AA\nAA\"", `null`} {
		_, err := decode(in, 64)
		require.Error(t, err, in)
		require.Equal(t, 400, asError(err).Status, in)
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"\ud83d\ude00"],"b":null}`, `"\ud800\n"`, `[[[]]]`, `{"a":1}x`} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, in string, window int) {
		window = 1 + (window&0x7fffffff)%40
		got, err := scanned(in, window)
		whole, errWhole := scanned(in, 1<<12)
		require.Equal(t, errWhole == nil, err == nil, "the window makes no difference")
		if err != nil {
			return
		}
		require.Equal(t, whole, got)
		var want, have any
		if json.Unmarshal([]byte(in), &want) != nil {
			require.NotContains(t, got, "e", "only numbers out of range may be taken that encoding/json refuses")
			return
		}
		require.NoError(t, json.Unmarshal([]byte(got), &have))
		require.Equal(t, want, have)
	})
}

func FuzzUpload(f *testing.F) {
	f.Add([]byte(`{"_id":"p","versions":{"1.0.0":{"name":"p"}},"_attachments":{"p.tgz":{"data":"AAAA","length":3}}}`))
	f.Add([]byte(`{"_attachments":{"a":{"stub":true},"b":{"data":"","data":""}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		u, err := readUpload(bytes.NewReader(in), t.TempDir(), 1<<20)
		if err != nil {
			require.Contains(t, []int{400, 413}, asError(err).Status)
			return
		}
		defer u.Close()
		require.True(t, json.Valid(u.members.raw()))
		require.True(t, json.Valid(u.versions.raw()))
		for _, a := range u.data() {
			raw, err := io.ReadAll(a.data.Reader())
			require.NoError(t, err)
			require.Len(t, raw, int(a.data.size))
		}
	})
}

func BenchmarkReadUpload(b *testing.B) {
	doc := publishDoc(b, "p", "1.0.0", sampleTarball(b, "p", "1.0.0", 20_000))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		u, err := readUpload(bytes.NewReader(doc), "", 1<<20)
		require.NoError(b, err)
		u.Close()
	}
}

func BenchmarkNewPublication(b *testing.B) {
	doc := publishDoc(b, "p", "1.0.0", sampleTarball(b, "p", "1.0.0", 20_000))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		u, err := readUpload(bytes.NewReader(doc), "", 1<<20)
		require.NoError(b, err)
		_, err = new(Registry).newPublication("p", u, bob)
		require.NoError(b, err)
		u.Close()
	}
}

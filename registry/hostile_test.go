package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// made is a tarball of headers, each followed by as many bytes as its size says, or by body.
type made struct {
	tar.Header
	body string
}

func tarOf(t testing.TB, entries ...made) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.body))
		if e.Typeflag == 0 {
			e.Typeflag = tar.TypeReg
		}
		require.NoError(t, w.WriteHeader(&e.Header))
		_, err := w.Write([]byte(e.body))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func zipped(t testing.TB, raw []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(raw)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func holding(name, body string) made { return made{tar.Header{Name: name, Mode: 0o644}, body} }

func special(name string, kind byte, to string) made {
	return made{tar.Header{Name: name, Typeflag: kind, Linkname: to}, ""}
}

// TestHostileTarballs are refused in words that say what is wrong, or taken where they hurt nobody.
func TestHostileTarballs(t *testing.T) {
	manifest := holding("package/package.json", manifestJSON("p", "1.0.0"))
	of := func(more ...made) []byte { return zipped(t, tarOf(t, append([]made{manifest}, more...)...)) }
	good := of(holding("package/index.js", strings.Repeat("x", 5000)))
	plain := tarOf(t, manifest, holding("package/index.js", strings.Repeat("x", 5000)))

	lying := bytes.Clone(plain) // its header says more than there is
	at := bytes.LastIndex(lying, []byte("package/index.js"))
	copy(lying[at+124:], "77777777777\x00")
	sum(lying[at : at+512])
	damaged := bytes.Clone(plain)
	damaged[at+20] ^= 0x55
	folder := tarOf(t, special("package/lib/", tar.TypeDir, ""))[:512]
	noise := make([]byte, 2<<20) // without it, so many alike are a bomb first
	rand.New(rand.NewSource(1)).Read(noise)
	extended := bytes.Clone(tarOf(t, holding("PaxHeader", strings.Repeat("x", 2<<20)))) // which no writer makes
	extended[156] = tar.TypeXHeader
	sum(extended[:512])
	headers := extendedBy("SETTEE.x", strings.Repeat("x", 900<<10))
	sparse := bytes.Clone(plain) // in the form of GNU tar, whose header says how large it is
	copy(sparse[at+257:], "ustar  \x00")
	copy(sparse[at+483:], "77777777777\x00")
	sparse[at+156] = tar.TypeGNUSparse
	sum(sparse[at : at+512])
	terabyte := slices.Concat(tarOf(t, manifest)[:1024], extendedBy("GNU.sparse.major", "0", "GNU.sparse.minor", "1", "GNU.sparse.name", "package/x",
		"GNU.sparse.size", "1099511627776", "GNU.sparse.numblocks", "1", "GNU.sparse.map", "0,0"), tarOf(t, holding("package/x", "")))
	tests := []struct {
		name   string
		bytes  []byte
		status int // 0: taken
		words  string
	}{
		{"as it should be", good, 0, ""},
		{"nothing", nil, 400, "not gzip"},
		{"plain tar", plain, 400, "not gzip"},
		{"gzip of nothing", zipped(t, nil), 400, "no package.json"},
		{"gzip of text", zipped(t, []byte(strings.Repeat("text", 500))), 400, "header"},
		{"gzip inside gzip", zipped(t, good), 400, "gzip inside gzip"},
		{"truncated gzip", good[:len(good)-9], 400, "ends early"},
		{"truncated tar", zipped(t, plain[:at+700]), 400, "ends early"},
		{"without the end of tar", zipped(t, plain[:len(plain)-1024]), 0, ""},
		{"a damaged checksum", func() []byte { b := bytes.Clone(good); b[len(b)-6] ^= 1; return b }(), 400, "damaged"},
		{"a damaged header", zipped(t, damaged), 400, "header"},
		{"a lie about a length", zipped(t, lying), 400, "unpacks to too much"},
		{"garbage at the end", append(bytes.Clone(good), "garbage"...), 400, "something follows"},
		{"zeros at the end", append(bytes.Clone(good), make([]byte, 20)...), 400, "something follows"},
		{"gzip in two members", append(zipped(t, plain[:700]), zipped(t, plain[700:])...), 0, ""},
		{"a bomb", of(holding("package/zeros", string(make([]byte, unpackedLeast+1)))), 400, "unpacks to too much"},
		{"a bomb behind the end", zipped(t, append(bytes.Clone(plain), make([]byte, unpackedLeast+1)...)), 400, "unpacks to too much"},
		{"thousands of entries", zipped(t, slices.Concat(tarOf(t, holding("package/noise", string(noise)))[:512+len(noise)], bytes.Repeat(folder, mostEntries), plain)), 415, "Too many files."},
		{"a huge name", of(holding("package/"+strings.Repeat("x", mostPath), "")), 400, "more than 4096 bytes"},
		{"a bomb of a header", zipped(t, extended), 400, "too long"},
		{"a zero byte in a name", zipped(t, bytes.ReplaceAll(tarOf(t, manifest, holding("package/"+strings.Repeat("é", 90)+"QQ", "")), []byte("QQ\n"), []byte("Q\x00\n"))), 400, "invalid tarball"},
		{"a path to the root", of(holding("/etc/passwd", "")), 400, "leaves the package"},
		{"a path upwards", of(holding("package/../../x", "")), 400, "leaves the package"},
		{"a path upwards at its end", of(holding("package/lib/..", "")), 400, "leaves the package"},
		{"a path upwards for Windows", of(holding(`package\..\..\x`, "")), 400, "leaves the package"},
		{"a path to a drive", of(holding(`C:\x`, "")), 400, "leaves the package"},
		{"a name with dots", of(holding("package/...", "")), 0, ""},
		{"a link", of(special("package/a", tar.TypeSymlink, "index.js")), 415, "Symbolic link is not allowed"},
		{"a link to the root", of(special("package/a", tar.TypeSymlink, "/etc/passwd")), 415, "Symbolic link is not allowed"},
		{"a hard link", of(special("package/a", tar.TypeLink, "package/package.json")), 415, "Hard link is not allowed"},
		{"a device", of(special("package/a", tar.TypeChar, "")), 415, "Character device is not allowed"},
		{"a disk", of(special("package/a", tar.TypeBlock, "")), 415, "Block device is not allowed"},
		{"a pipe", of(special("package/a", tar.TypeFifo, "")), 415, "Named pipe is not allowed"},
		{"a folder", of(special("package/lib/", tar.TypeDir, "")), 0, ""},
		{"what git archive adds", of(made{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "0123"}}, ""}), 0, ""},
		{"package.json twice", of(holding("other/package.json", manifestJSON("q", "1.0.0"))), 400, "two files package.json, which differ"},
		{"package.json twice, the same", of(manifest), 0, ""},
		{"package.json with two names", zipped(t, tarOf(t, holding("package/package.json", `{"name":"q","Name":"p","version":"1.0.0"}`))), 400, "is of q@1.0.0"},
		{"package.json that is no object", zipped(t, tarOf(t, holding("package/package.json", `["name","p"]`))), 400, "cannot be read"},
		{"package.json with nothing", zipped(t, tarOf(t, holding("package/package.json", ``))), 400, "cannot be read"},
		{"package.json without a name", zipped(t, tarOf(t, holding("package/package.json", `{"version":"1.0.0"}`))), 400, "has no name"},
		{"package.json in another spelling", of(holding("package/Package.JSON", manifestJSON("q", "1.0.0"))), 400, "two files package.json, which differ"},
		{"package.json at the top", of(holding("./package.json", manifestJSON("q", "1.0.0"))), 400, "two files package.json, which differ"},
		{"package.json in a folder of dots", of(holding(".//package.json", manifestJSON("q", "1.0.0"))), 400, "two files package.json, which differ"},
		{"package.json for Windows", of(holding(`package\package.json`, manifestJSON("q", "1.0.0"))), 400, "two files package.json, which differ"},
		{"package.json behind dots", of(holding("./package/package.json", manifestJSON("q", "1.0.0"))), 400, "two files package.json, which differ"},
		{"package.json of another, first", zipped(t, tarOf(t, holding("./package.json", manifestJSON("q", "1.0.0")), manifest)), 400, "two files package.json, which differ"},
		{"package.json in capitals only", zipped(t, tarOf(t, holding("package/PACKAGE.JSON", manifestJSON("p", "1.0.0")))), 400, "no package.json"},
		{"package.json of a folder inside", of(holding("package/lib/package.json", `{"type":"module"}`)), 0, ""},
		{"package.json that is a folder", of(special("package/package.json/", tar.TypeDir, "")), 0, ""},
		{"package.json of 100 MB", zipped(t, tarOf(t, holding("package/package.json", `{"name":"p","version":"1.0.0","x":"`+string(bytes.Repeat([]byte("x"), 100<<20))+`"}`))), 400, "unpacks to too much"},
		{"package.json of 5 MB", zipped(t, tarOf(t, holding("package/package.json", `{"name":"p","version":"1.0.0","x":"`+string(bytes.Repeat([]byte("x"), 5<<20))+`"}`))), 400, "package.json is larger"},
		{"package.json nested deep", zipped(t, tarOf(t, holding("package/package.json", `{"name":"p","version":"1.0.0","x":`+strings.Repeat("[", 200_000)+strings.Repeat("]", 200_000)+`}`))), 400, "cannot be read"},
		{"a sparse file of the old form", zipped(t, sparse), 415, "Sparse file is not allowed"},
		{"a sparse file of terabytes", zipped(t, terabyte), 400, "unpacks to too much"},
		{"a bomb of headers", zipped(t, slices.Concat(bytes.Repeat(headers, 200), plain)), 400, "unpacks to too much"},
		{"a name in a header of its own that leaves", of(made{tar.Header{Name: "package/x", PAXRecords: map[string]string{"SETTEE.x": "1"}}, ""}, made{tar.Header{Name: "package/" + strings.Repeat("long/", 60) + "../../../x"}, ""}), 400, "leaves the package"},
		{"names that collide by Unicode", of(holding("package/caf\u00e9", "a"), holding("package/cafe\u0301", "b")), 0, ""},
		{"a name that is no UTF-8", of(holding("package/\xff\xfe", "")), 0, ""},
		{"capitals that collide", of(holding("package/a", ""), holding("package/A", "")), 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := examine(bytes.NewReader(test.bytes), int64(len(test.bytes)))
			if err == nil {
				err = c.agree("p", "1.0.0")
			}
			if test.status == 0 {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Equal(t, test.status, asError(err).Status, err)
			require.Contains(t, err.Error(), test.words)
		})
	}
}

// extendedBy is a header that says more of the entry behind it, in records.
func extendedBy(records ...string) []byte {
	body := ""
	for i := 0; i < len(records); i += 2 {
		one := " " + records[i] + "=" + records[i+1] + "\n"
		n := len(one) + len(fmt.Sprint(len(one)))
		body += fmt.Sprint(len(one)+len(fmt.Sprint(n))) + one // the length counts itself
	}
	head := make([]byte, 512)
	copy(head, "PaxHeaders.0/x")
	copy(head[100:], "0000644\x00")
	copy(head[124:], fmt.Sprintf("%011o\x00", len(body)))
	head[156] = tar.TypeXHeader
	copy(head[257:], "ustar\x0000")
	sum(head)
	return append(append(head, body...), make([]byte, -len(body)&511)...)
}

// sum writes the checksum of a tar header.
func sum(header []byte) {
	copy(header[148:156], "        ")
	n := 0
	for _, b := range header {
		n += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00 ", n))
}

// FuzzTarball feeds examine plain tar, which a fuzzer can get at, and the gzip as it comes.
func FuzzTarball(f *testing.F) {
	manifest := holding("package/package.json", manifestJSON("p", "1.0.0"))
	f.Add(tarOf(f, manifest, holding("package/x", "y"), special("package/a", tar.TypeSymlink, "x")), true)
	f.Add(tarOf(f, manifest, made{tar.Header{Name: "package/" + strings.Repeat("long/", 60) + "x", PAXRecords: map[string]string{"SETTEE.b": "c"}}, ""}), true)
	f.Add(zipped(f, tarOf(f, manifest)), false)
	f.Fuzz(func(t *testing.T, raw []byte, plain bool) {
		if plain {
			raw = zipped(t, raw)
		}
		c, err := examine(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			require.Contains(t, []int{400, 415}, asError(err).Status)
			return
		}
		require.LessOrEqual(t, c.Unpacked, c.most)
		require.LessOrEqual(t, len(c.list), c.Files)
		for _, file := range c.list {
			require.NotContains(t, "/"+file.Path+"/", "/../")
			require.False(t, strings.HasPrefix(file.Path, "/"))
		}
	})
}

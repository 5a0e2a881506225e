package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newCertificate makes a certificate of 127.0.0.1 and its key, in PEM.
func newCertificate(t testing.TB, serial int64) (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "settee"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// replace puts a file in another's place, as certbot does.
func replace(t testing.TB, name string, content []byte) {
	require.NoError(t, os.WriteFile(name+".new", content, 0o600))
	require.NoError(t, os.Rename(name+".new", name))
}

// trusting is a client of its own connections that believes one certificate.
func trusting(t testing.TB, cert []byte, change func(*http.Transport)) *http.Client {
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(cert))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	change(transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert, key := newCertificate(t, 1)
	replace(t, certFile, cert)
	replace(t, keyFile, key)
	s := startServing(t, "--admin", "admin:a long password", "--tls-cert", certFile, "--tls-key", keyFile)
	require.True(t, strings.HasPrefix(s.npm, "https://") && strings.HasPrefix(s.couch, "https://"), s.banner)

	for _, url := range []string{s.npm + "/-/ping", s.couch + "/_up"} {
		for want, change := range map[string]func(*http.Transport){
			"HTTP/2.0": func(*http.Transport) {},
			"HTTP/1.1": func(tr *http.Transport) { tr.ForceAttemptHTTP2 = false }, // as npm speaks it
		} {
			res, err := trusting(t, cert, change).Get(url)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, 200, res.StatusCode)
			require.Equal(t, want, res.Proto)
			require.Equal(t, "max-age=15552000", res.Header.Get("Strict-Transport-Security"))
		}
		_, err := trusting(t, cert, func(tr *http.Transport) {
			tr.TLSClientConfig.MinVersion, tr.TLSClientConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}).Get(url)
		require.ErrorContains(t, err, "protocol version")
		res, err := http.Get(strings.Replace(url, "https", "http", 1))
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 400, res.StatusCode, "who speaks plain HTTP is told so")
	}

	t.Run("links", func(t *testing.T) {
		client := trusting(t, cert, func(*http.Transport) {})
		body, err := publishBody("left", "1.0.0", 500, 1)
		require.NoError(t, err)
		req, err := http.NewRequest("PUT", s.npm+"/left", strings.NewReader(string(body)))
		require.NoError(t, err)
		req.SetBasicAuth("admin", "a long password")
		res, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 201, res.StatusCode)
		res, err = client.Get(s.npm + "/left")
		require.NoError(t, err)
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Contains(t, string(raw), `"`+s.npm+`/left/-/left-1.0.0.tgz"`)
	})

	t.Run("ping", func(t *testing.T) {
		npm, couch := strings.TrimPrefix(s.npm, "https://"), strings.TrimPrefix(s.couch, "https://")
		code, _, stderr := settee(t, "ping", "--npm", npm, "--couch", couch, "--tls-cert", certFile)
		require.Equal(t, exitDone, code, stderr)
		code, _, _ = settee(t, "ping", "--npm", npm, "--couch", couch)
		require.Equal(t, exitFailed, code)
	})

	// presented is the serial number of the certificate that a new connection gets.
	presented := func() int64 {
		c, err := tls.Dial("tcp", strings.TrimPrefix(s.npm, "https://"), &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		defer c.Close() //nolint:errcheck // nothing was sent
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	becomes := func(want int64) {
		require.Eventually(t, func() bool { return presented() == want }, patience, 100*time.Millisecond)
	}
	t.Run("renewal", func(t *testing.T) {
		require.EqualValues(t, 1, presented())
		cert2, key2 := newCertificate(t, 2)
		replace(t, certFile, cert2) // without its key it is not good
		time.Sleep(2 * lookEvery)
		require.EqualValues(t, 1, presented())
		replace(t, keyFile, key2)
		becomes(2)
		replace(t, certFile, []byte("nonsense"))
		require.NoError(t, os.Remove(keyFile))
		time.Sleep(2 * lookEvery)
		require.EqualValues(t, 2, presented())
		cert3, key3 := newCertificate(t, 3)
		replace(t, keyFile, key3)
		replace(t, certFile, cert3)
		becomes(3)
	})
	require.Equal(t, exitDone, s.stop(t))
	require.Contains(t, s.stderr.String(), "the certificate changed and is not good")
}

func TestTLSWantsBothFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := newCertificate(t, 1)
	_, other := newCertificate(t, 2)
	for name, content := range map[string][]byte{"cert": cert, "key": key, "other": other, "nonsense": []byte("nonsense")} {
		replace(t, filepath.Join(dir, name), content)
	}
	for _, test := range []struct {
		cert, key string
		code      int
	}{{"cert", "", exitUsage}, {"", "key", exitUsage}, {"cert", "missing", exitFailed}, {"cert", "other", exitFailed}, {"nonsense", "key", exitFailed}} {
		args := []string{"serve", "--npm", "127.0.0.1:0", "--couch", "off"}
		if test.cert != "" {
			args = append(args, "--tls-cert", filepath.Join(dir, test.cert))
		}
		if test.key != "" {
			args = append(args, "--tls-key", filepath.Join(dir, test.key))
		}
		code, _, stderr := settee(t, args...)
		require.Equal(t, test.code, code, "%v: %s", test, stderr)
		require.Contains(t, stderr, "--tls-")
	}
}

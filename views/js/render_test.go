package js

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func designed(t testing.TB, l Limits, members string) *Program {
	p, err := Compile(Source{Design: json.RawMessage(members)}, l)
	require.NoError(t, err)
	return p
}

const request = `{"method":"GET","path":["db","_design","d","_show","s"],"query":{},"headers":{}}`

// What a function changes comes back, what it did not touch as it came.
func TestDrafts(t *testing.T) {
	for source, want := range map[string]string{
		`return [doc, '']`:                                                              `{"a":1.0,"big":12345678901234567890,"l":[1.50,{"x":2e0}],"o":{"k":null}}`,
		`doc.n = 1; return [doc, '']`:                                                   `{"a":1.0,"big":12345678901234567890,"l":[1.50,{"x":2e0}],"o":{"k":null},"n":1}`,
		`doc.l[1].y = doc.a; return [doc, '']`:                                          `{"a":1.0,"big":12345678901234567890,"l":[1.50,{"x":2e0,"y":1}],"o":{"k":null}}`,
		`delete doc.big; delete doc.none; return [doc, '']`:                             `{"a":1.0,"l":[1.50,{"x":2e0}],"o":{"k":null}}`,
		`doc.l.push(doc.o); doc.o.z = 1; doc.a = doc.big = undefined; return [doc, '']`: `{"l":[1.50,{"x":2e0},{"k":null,"z":1}],"o":{"k":null,"z":1}}`,
		`doc.l.length = 1; return [doc, '']`:                                            `{"a":1.0,"big":12345678901234567890,"l":[1.50],"o":{"k":null}}`,
		`doc.l.splice(0, 1); return [{l: doc.l, o: doc.o}, '']`:                         `{"l":[{"x":2e0}],"o":{"k":null}}`,
		`doc.l[4] = 1; return [doc.l.concat([2]) && {l: doc.l}, '']`:                    `{"l":[1.50,{"x":2e0},null,null,1]}`,
		`for (var k in doc) if (k !== 'o') delete doc[k]; return [doc, '']`:             `{"o":{"k":null}}`,
		`return [JSON.parse(JSON.stringify(doc)), '']`:                                  `{"a":1,"big":12345678901234567000,"l":[1.5,{"x":2}],"o":{"k":null}}`,
		`doc.f = function(){}; doc.d = new Date(0); return [doc, '']`:                   `{"a":1.0,"big":12345678901234567890,"l":[1.50,{"x":2e0}],"o":{"k":null},"d":"1970-01-01T00:00:00.000Z"}`,
	} {
		p := designed(t, Limits{}, string(must(json.Marshal(map[string]any{"updates": map[string]string{"u": "function(doc, req) {" + source + "}"}}))))
		stored, response, err := p.Update("u", []byte(`{"a":1.0,"big":12345678901234567890,"l":[1.50,{"x":2e0}],"o":{"k":null}}`), []byte(`{"method":"POST"}`))
		require.NoError(t, err, source)
		require.Equal(t, want, string(stored), source)
		require.Equal(t, `{"body":""}`, string(response), source)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// heard runs a list function over rows and lists what it did.
func heard(p *Program, rows ...string) (said []string, err error) {
	err = p.List("l", []byte(`{"total_rows":3}`), []byte(request), List{
		Next: func() ([]byte, error) {
			if len(rows) == 0 {
				said = append(said, "end")
				return nil, nil
			}
			row := rows[0]
			rows = rows[1:]
			said = append(said, "row")
			if row == "fails" {
				return nil, errors.New("no row")
			}
			return []byte(row), nil
		},
		Start: func(r []byte) error { said = append(said, string(r)); return nil },
		Send:  func(text string) error { said = append(said, text); return nil },
	})
	return said, err
}

func TestList(t *testing.T) {
	for source, want := range map[string]string{
		`var r; while (r = getRow()) send(r.key); return 'tail'`:              `{"headers":{}} row a row b end tail`,
		`start({code: 201}); send(head.total_rows); getRow(); return 'early'`: `{"code":201,"headers":{}} 3 row early`,
		`return 'never'`: `{"headers":{}} row never`,
		`getRow(); start({code: 404}); send('x'); getRow()`:                           `{"headers":{}} row {"code":404} x row`,
		`send('a'); start({code: 404}); while (getRow()); getRow(); start({code: 5})`: `{"code":404,"headers":{}} a row row end {"code":5}`,
		`provides('json', function() { send('['); return ']' })`:                      `{"headers":{"Content-Type":"application/json"}} [ row ]`,
	} {
		p := designed(t, Limits{}, string(must(json.Marshal(map[string]any{"lists": map[string]string{"l": "function(head, req) {" + source + "}"}}))))
		for range 2 { // nothing of the first run is left
			said, err := heard(p, `{"key":"a"}`, `{"key":"b"}`)
			require.NoError(t, err, source)
			require.Equal(t, want, strings.Join(said, " "), source)
		}
	}
}

func TestListFails(t *testing.T) {
	p := designed(t, Limits{Time: 100 * time.Millisecond, Output: 1 << 20}, `{"lists":{"l":"function() { var r; while (r = getRow()) { try { if (r.throw) throw new Error('boo'); if (r.loop) for (;;); if (r.much) for (var big = new Array(1e5).join('x');;) send(big) } catch (e) { if (r.throw) throw e } if (r.much) send('0') } }"}}`)
	_, err := heard(p, `{}`, "fails")
	require.ErrorContains(t, err, "no row")
	require.NotErrorIs(t, err, ErrStopped)
	_, err = heard(p, `{"loop":true}`)
	require.ErrorIs(t, err, ErrStopped)
	var thrown *Exception
	_, err = heard(p, `{"throw":true}`)
	require.ErrorAs(t, err, &thrown)
	require.Equal(t, "render_error", thrown.Name)
	require.Contains(t, thrown.Reason, "function raised error: Error: boo \nstacktrace: ")
	_, err = heard(p, `{"much":true}`)
	require.ErrorAs(t, err, &thrown)
	said, err := heard(p, `{}`)
	require.NoError(t, err, "as ever")
	require.Equal(t, []string{`{"headers":{}}`, "row", "end"}, said)
}

// However slowly its rows come and its words are taken, a list's own time is what counts.
func TestListWaits(t *testing.T) {
	p := designed(t, Limits{Time: 3 * tick}, `{"lists":{"l":"function() { while (getRow()) send('x') }"}}`)
	rows := 0
	err := p.List("l", []byte(`{}`), []byte(request), List{
		Next: func() ([]byte, error) {
			if rows++; rows > 4 {
				return nil, nil
			}
			time.Sleep(2 * tick)
			return []byte(`{}`), nil
		},
		Start: func([]byte) error { return nil },
		Send:  func(string) error { time.Sleep(2 * tick); return nil },
	})
	require.NoError(t, err)
}

func TestStoppedFunctionsSpareTheProgram(t *testing.T) {
	p := designed(t, Limits{Time: 100 * time.Millisecond, Heap: 32 << 20}, `{
		"shows":{"loop":"function(){for(;;);}","grow":"function(){var a=[];for(;;)a.push({a:[a.length]})}","deep":"function(){var f=function(){f()};f()}","ok":"function(){return 'ok'}","getter":"function(){return {get body(){for(;;);}}}"},
		"updates":{"loop":"function(){for(;;);}"},"rewrites":"function(){for(;;);}"}`)
	for range 2 {
		for _, name := range []string{"loop", "grow", "getter"} {
			_, err := p.Show(name, nil, []byte(request))
			require.ErrorIs(t, err, ErrStopped, name)
		}
		_, err := p.Show("deep", nil, []byte(request))
		require.ErrorContains(t, err, "stack")
		_, _, err = p.Update("loop", nil, []byte(`{"method":"POST"}`))
		require.ErrorIs(t, err, ErrStopped)
		_, err = p.Rewrite([]byte(request))
		require.ErrorIs(t, err, ErrStopped)
		response, err := p.Show("ok", nil, []byte(request))
		require.NoError(t, err)
		require.Equal(t, `{"body":"ok"}`, string(response))
	}
}

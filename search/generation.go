package search

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	index "github.com/blevesearch/bleve_index_api"

	"settee/replicate"
)

// layout is the version of what record makes. Another one's index is begun anew.
const layout = 1

// pointer is DIR/current.
type pointer struct {
	ID     string `json:"id"`
	Layout int    `json:"layout"`
}

// A generation is one index on disk, with what fills it.
type generation struct {
	id, dir string
	bleve   bleve.Index
	store   index.Index
	tables  tables

	ops       chan *op
	wrote     time.Time      // when the last batch was; the writer's
	forgot    map[int]string // what Status of a follower said when its source was forgotten; the writer's
	followers []*replicate.Follower
	stop      func()
	running   sync.WaitGroup // followers
	writing   sync.WaitGroup
	caughtUp  chan struct{} // closed when all followers have handled all
	live      atomic.Bool   // the same

	users int // searches; guarded by Index.mu
	over  bool
}

// settings are bleve's, which writes into them: each index has its own. A batch returns when it is durable: that is the default, and what following stands on.
func settings() map[string]any {
	patiently()
	return map[string]any{"unsafe_batch": false, "bolt_timeout": "2s", "asyncErrorCallbackName": patient}
}

// patient names what bleve calls when it could not write: it would try again at once, and on a full disk do nothing
// else with a whole processor.
const patient = "settee-patient"

var patiently = sync.OnceFunc(func() {
	scorch.RegistryAsyncErrorCallbacks[patient] = func(error, string) { time.Sleep(failurePause) }
})

const failurePause = 500 * time.Millisecond

// create makes an empty index.
func create(root string) (g *generation, err error) {
	g = &generation{id: strings.ToLower(rand.Text())}
	g.dir = filepath.Join(root, g.id)
	err = guarded(func() error {
		g.bleve, err = bleve.NewUsing(g.dir, bleve.NewIndexMapping(), scorch.Name, scorch.Name, settings())
		return err
	})
	return g.opened(err)
}

// reopen opens the index that is served; fs.ErrNotExist where there is none.
func reopen(root string) (*generation, error) {
	raw, err := os.ReadFile(filepath.Join(root, "current"))
	if err != nil {
		return nil, err
	}
	var p pointer
	if err := json.Unmarshal(raw, &p); err != nil || !isID(p.ID) {
		return nil, errors.New("DIR/current says nothing")
	}
	if p.Layout != layout {
		return nil, fmt.Errorf("it is of layout %d, and this is %d", p.Layout, layout)
	}
	g := &generation{id: p.ID, dir: filepath.Join(root, p.ID)}
	if _, err := os.Stat(g.marker()); err == nil {
		return nil, errors.New("the process ended when it was opened last")
	}
	if err := os.WriteFile(g.marker(), nil, 0o600); err != nil {
		return nil, err
	}
	if err := verify(filepath.Join(g.dir, "store")); err != nil {
		return nil, err
	}
	err = guarded(func() error {
		g.bleve, err = bleve.OpenUsing(g.dir, settings())
		return err
	})
	return g.opened(err)
}

// isID reports whether a text is what create names an index.
func isID(text string) bool {
	return len(text) > 20 && strings.IndexFunc(text, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }) < 0
}

func (g *generation) opened(err error) (*generation, error) {
	if err == nil {
		g.store, err = g.bleve.Advanced()
	}
	if err != nil {
		return nil, err
	}
	g.ops, g.caughtUp, g.forgot = make(chan *op, mostBatch), make(chan struct{}), map[int]string{}
	return g, nil
}

// serve makes a generation the one that is served after a restart.
func (g *generation) serve() error {
	raw, err := json.Marshal(pointer{g.id, layout})
	if err != nil {
		return err
	}
	root := filepath.Dir(g.dir)
	next := filepath.Join(root, "current.new")
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(root, "current"))
}

// marker is there while an index has not proved that it can be used.
func (g *generation) marker() string { return g.dir + ".opening" }

func (g *generation) proved() { _ = os.Remove(g.marker()) }

// verify compares the checksums of an index's segments. One that fails is set aside: if the index knows it, it cannot be opened,
// or is as it was before; if not, it was being written when the process ended.
func verify(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.zap"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if sound(file) {
			continue
		}
		if err := os.Rename(file, file+".damaged"); err != nil {
			return err
		}
	}
	return nil
}

// sound reports whether a segment ends with the checksum of what is before.
func sound(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || info.Size() < 4 {
		return false
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyN(sum, f, info.Size()-4); err != nil {
		return false
	}
	var last [4]byte
	_, err = io.ReadFull(f, last[:])
	return err == nil && binary.BigEndian.Uint32(last[:]) == sum.Sum32()
}

// sweep removes what is not of that generation.
func sweep(root string, keep *generation) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if name, _, _ := strings.Cut(e.Name(), "."); isID(name) && (keep == nil || name != keep.id) {
			errs = append(errs, os.RemoveAll(filepath.Join(root, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// close ends what fills a generation, and closes it.
func (g *generation) close() error {
	if g.stop != nil {
		g.stop()
	}
	g.running.Wait()
	close(g.ops)
	g.writing.Wait()
	closed := make(chan error, 1)
	go func() { closed <- guarded(g.bleve.Close) }()
	select {
	case err := <-closed:
		if err == nil {
			g.proved()
		}
		return err
	case <-time.After(closing):
		return errors.New("search: the index does not close") // one that is damaged may have left its locks behind
	}
}

// closing is how long an index may take to be closed: it has nothing left to write.
const closing = 10 * time.Second

func (g *generation) remove() error {
	if err := os.RemoveAll(g.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	g.proved()
	return nil
}

// errDamaged is an index that cannot be used.
var errDamaged = errors.New("the index is damaged")

// guarded calls f, and makes an error of what a damaged file does to those who read it: it panics, or is shorter than its map.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

// leave removes the checkpoints of a generation that is over, as far as that goes: they are small.
func (g *generation) leave(sources []Source) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, s := range sources {
		id := "_local/follower-search-" + g.id
		if rev, err := s.DB.GetRev(ctx, id); err == nil {
			_, _ = s.DB.Delete(ctx, id, rev)
		}
	}
}

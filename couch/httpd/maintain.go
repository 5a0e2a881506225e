package httpd

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"settee/couch"
)

// tasks are the compactions that requests began.
type tasks struct {
	mu struct {
		sync.Mutex
		running map[string]bool // by database
		closed  bool
	}
	group sync.WaitGroup
}

// start runs f beside the requests, once a database.
func (t *tasks) start(database string, f func()) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.mu.closed:
		return couch.ErrClosed
	case t.mu.running[database]:
		return nil // CouchDB too answers 202 and lets the first one go on
	case t.mu.running == nil:
		t.mu.running = map[string]bool{}
	}
	t.mu.running[database] = true
	t.group.Go(func() {
		defer t.end(database)
		f()
	})
	return nil
}

func (t *tasks) end(database string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.mu.running, database)
}

func (t *tasks) wait() {
	t.mu.Lock()
	t.mu.closed = true
	t.mu.Unlock()
	t.group.Wait()
}

func (c *call) compact() error {
	s, db := c.s, c.db // the call does not outlive the answer
	err := s.tasks.start(db.Name(), func() {
		if err := db.Compact(s.ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, couch.ErrClosed) {
			s.o.Logger.Error("compaction failed", "database", db.Name(), "error", err)
		}
	})
	if err != nil {
		return err
	}
	return c.ok(http.StatusAccepted)
}

// compactViews answers for a design document's index: the store compacts
// indexes by itself, with all other keys, so there is nothing to start.
func (c *call) compactViews() error {
	name, err := c.segment("ddoc")
	if err != nil {
		return err
	}
	if _, err := c.s.views.Info(c.ctx(), c.db, name); err != nil {
		return err
	}
	return c.ok(http.StatusAccepted)
}

func (c *call) viewCleanup() error {
	if err := c.s.views.Cleanup(c.ctx(), c.db); err != nil {
		return err
	}
	return c.ok(http.StatusAccepted)
}

func (c *call) ensureFullCommit() error {
	if err := c.db.Sync(c.ctx()); err != nil {
		return err
	}
	info, err := c.db.Info(c.ctx())
	if err != nil {
		return err
	}
	c.out = append(c.out[:0], `{"ok":true,"instance_start_time":"`+startTime(info)+`"}`+"\n"...)
	c.send(http.StatusCreated, c.out)
	return nil
}

func (c *call) revsLimit() error {
	c.out = append(strconv.AppendInt(c.out[:0], int64(c.db.RevsLimit()), 10), '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

func (c *call) setRevsLimit() error {
	raw, err := c.body()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || n < 1 || n > math.MaxInt32 {
		return badRequest("Rev limit has to be a positive integer.")
	}
	if err := c.db.SetRevsLimit(c.ctx(), n); err != nil {
		return err
	}
	return c.ok(http.StatusOK)
}

func (c *call) security() error {
	c.out = append(append(c.out[:0], c.db.Security()...), '\n')
	c.send(http.StatusOK, c.out)
	return nil
}

func (c *call) setSecurity() error {
	if c.db.Name() == usersDB && !c.s.flag("couchdb", "users_db_security_editable") {
		return errUsersSecurity
	}
	raw, err := c.body()
	if err != nil {
		return err
	}
	if first(raw) == 0 {
		return errJSON
	}
	if _, err := couch.ParseRights(raw); err != nil {
		return err
	}
	if err := c.db.SetSecurity(c.ctx(), slices.Clone(raw)); err != nil {
		return err
	}
	return c.ok(http.StatusOK)
}

func (c *call) tempView() error {
	return &statusError{http.StatusGone, "gone", "Temporary views are not supported in CouchDB"}
}

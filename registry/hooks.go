package registry

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"settee/auth"
	"settee/auth/audit"
	"settee/hooks"
)

// hookShown is a hook as npm shows it. Its secret is nobody's to read any more.
type hookShown struct {
	ID           string       `json:"id"`
	Username     string       `json:"username"`
	Name         string       `json:"name"`
	Endpoint     string       `json:"endpoint"`
	Secret       string       `json:"secret"`
	Type         hooks.Type   `json:"type"`
	Created      time.Time    `json:"created"`
	Updated      time.Time    `json:"updated"`
	Deleted      bool         `json:"deleted"`
	Delivered    bool         `json:"delivered"`
	LastDelivery *time.Time   `json:"last_delivery"`
	ResponseCode int          `json:"response_code"`
	Status       hooks.Status `json:"status"`
	Region       string       `json:"region,omitempty"`
}

const hiddenSecret = "********"

func showHook(h *hooks.Hook, j *hooks.Journal) hookShown {
	s := hookShown{
		ID: h.ID, Username: h.Username, Name: h.Name, Endpoint: h.Endpoint, Secret: hiddenSecret, Type: h.Type,
		Created: h.Created, Updated: h.Updated, Status: h.Status, Region: h.Region,
		Delivered: j.Delivered, ResponseCode: j.Code,
	}
	if !j.Last.IsZero() {
		s.LastDelivery = &j.Last
	}
	return s
}

// hookOwner is whose hooks a request is about, and when their account was made.
func (r *Registry) hookOwner(q *request) (time.Time, error) {
	if r.o.Hooks == nil {
		return time.Time{}, errNotFound
	}
	if q.who.Anonymous() {
		return time.Time{}, errWhoAreYou
	}
	account, err := r.auth.Account(q.Context(), q.who.Name)
	if t := q.who.Token; err == nil && t != nil && (t.Kind == auth.TokenGranular || t.ReadOnly && q.Method != get) {
		err = fail(http.StatusForbidden, "This token may not manage hooks.") // they tell of all that its user may read
	}
	return account.Created, err
}

// hookError is the answer for what hooks refuses.
func hookError(err error) error {
	if words, ok := errors.AsType[hooks.Invalid](err); ok {
		return invalid("%s", string(words))
	}
	switch {
	case errors.Is(err, hooks.ErrAbsent):
		return errNotFound
	case errors.Is(err, hooks.ErrTooMany):
		return fail(http.StatusForbidden, "You have %d hooks, which is the most a user may have.", hooks.MostHooks)
	}
	return err
}

// serveHookAdd answers POST /-/npm/v1/hooks/hook. A package that who asks may not read is none.
func (r *Registry) serveHookAdd(w http.ResponseWriter, q *request) error {
	account, err := r.hookOwner(q)
	if err != nil {
		return err
	}
	var sent struct {
		Type             hooks.Type
		Name             string
		Endpoint, Secret string
	}
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	q.entry.On, q.entry.Details = string(sent.Type)+" "+sent.Name, nil
	hook, err := r.addHook(q, hooks.Hook{Type: sent.Type, Name: sent.Name, Username: q.who.Name, Account: account, Endpoint: sent.Endpoint, Secret: sent.Secret})
	r.audit(q, audit.HookCreate, err)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, showHook(hook, &hooks.Journal{}))
	return nil
}

func (r *Registry) addHook(q *request, h hooks.Hook) (*hooks.Hook, error) {
	switch h.Type {
	case hooks.Package:
		one := *q
		one.pkg = PackageName(h.Name)
		if _, err := r.visible(&one); err != nil {
			return nil, err
		}
	case hooks.Owner:
		if _, err := r.auth.Account(q.Context(), h.Name); err != nil {
			return nil, err
		}
	}
	hook, err := r.o.Hooks.Create(q.Context(), h)
	return hook, hookError(err)
}

// serveHooks answers GET /-/npm/v1/hooks.
func (r *Registry) serveHooks(w http.ResponseWriter, q *request) error {
	account, err := r.hookOwner(q)
	if err != nil {
		return err
	}
	v := q.URL.Query()
	limit, err := bound(v.Get("limit"), hooks.MostHooks, hooks.MostHooks)
	if err != nil {
		return err
	}
	offset, err := bound(v.Get("offset"), 0, hooks.MostHooks)
	if err != nil {
		return err
	}
	all, err := r.o.Hooks.Of(q.Context(), q.who.Name, account, v.Get("package"))
	if err != nil {
		return err
	}
	page, objects := all[min(offset, len(all)):min(offset+limit, len(all))], []hookShown{}
	for _, h := range page {
		j, err := r.o.Hooks.Journal(q.Context(), h.ID)
		if err != nil {
			return err
		}
		objects = append(objects, showHook(h, j))
		if h.Status == hooks.Disabled {
			q.tell(w, "The hook "+h.ID+" is disabled, as its endpoint failed for a day or said that it is gone: npm hook update "+h.ID+" enables it.")
		}
	}
	urls := map[string]string{}
	if next := offset + limit; next < len(all) {
		v.Set("offset", strconv.Itoa(next))
		urls["next"] = q.URL.Path + "?" + v.Encode()
	}
	writeJSON(w, http.StatusOK, map[string]any{"objects": objects, "total": len(all), "urls": urls})
	return nil
}

// serveHook answers GET /-/npm/v1/hooks/hook/:id.
func (r *Registry) serveHook(w http.ResponseWriter, q *request) error {
	h, j, err := r.hook(q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, showHook(h, j))
	return nil
}

// serveHookLog answers GET /-/npm/v1/hooks/hook/:id/deliveries, which is our own: the last attempts, the newest first.
func (r *Registry) serveHookLog(w http.ResponseWriter, q *request) error {
	_, j, err := r.hook(q)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"objects": j.Attempts, "total": len(j.Attempts)})
	return nil
}

func (r *Registry) hook(q *request) (*hooks.Hook, *hooks.Journal, error) {
	account, err := r.hookOwner(q)
	if err != nil {
		return nil, nil, err
	}
	h, err := r.o.Hooks.Get(q.Context(), q.who.Name, account, q.param("id"))
	if err != nil {
		return nil, nil, hookError(err)
	}
	j, err := r.o.Hooks.Journal(q.Context(), h.ID)
	return h, j, err
}

// serveHookUpdate answers PUT /-/npm/v1/hooks/hook/:id.
func (r *Registry) serveHookUpdate(w http.ResponseWriter, q *request) error {
	account, err := r.hookOwner(q)
	if err != nil {
		return err
	}
	var sent struct{ Endpoint, Secret string }
	if err := readSmall(w, q, &sent); err != nil {
		return err
	}
	h, err := r.o.Hooks.Update(q.Context(), q.who.Name, account, q.param("id"), sent.Endpoint, sent.Secret)
	return r.hookDone(w, q, audit.HookUpdate, h, hookError(err))
}

// serveHookRemove answers DELETE /-/npm/v1/hooks/hook/:id.
func (r *Registry) serveHookRemove(w http.ResponseWriter, q *request) error {
	account, err := r.hookOwner(q)
	if err != nil {
		return err
	}
	h, err := r.o.Hooks.Remove(q.Context(), q.who.Name, account, q.param("id"))
	return r.hookDone(w, q, audit.HookDelete, h, hookError(err))
}

func (r *Registry) hookDone(w http.ResponseWriter, q *request, act audit.Act, h *hooks.Hook, err error) error {
	q.entry.On = q.param("id")
	r.audit(q, act, err)
	if err != nil {
		return err
	}
	j, err := r.o.Hooks.Journal(q.Context(), h.ID)
	if err != nil {
		return err
	}
	shown := showHook(h, j)
	shown.Deleted = act == audit.HookDelete
	writeJSON(w, http.StatusOK, shown)
	return nil
}

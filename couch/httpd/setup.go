package httpd

import (
	"errors"
	"net/http"

	"settee/couch"
)

// clusterState is GET /_cluster_setup.
func (c *call) clusterState() error {
	if raw, ok := c.query["ensure_dbs_exist"]; ok && !isArray([]byte(raw)) {
		return errJSON
	}
	c.send(http.StatusOK, []byte("{\"state\":\"single_node_enabled\"}\n"))
	return nil
}

// A setup is the body of POST /_cluster_setup. What else clients send, an
// address and a port, is the command line's to say.
type setup struct {
	Action   string   `json:"action"`
	Name     string   `json:"username"`
	Password string   `json:"password"`
	Ensure   []string `json:"ensure_dbs_exist"`
}

// setUpCluster is POST /_cluster_setup. This server is a single node from its
// start; setting it up makes the databases that CouchDB's would.
func (c *call) setUpCluster() error {
	raw, err := c.body()
	if err != nil {
		return err
	}
	if !isObject(raw) {
		return badRequest("Missing JSON body'") // with the quote, as CouchDB spells it
	}
	asked := setup{Ensure: []string{"_users", "_replicator"}}
	if decode(raw, &asked) != nil {
		return errJSON
	}
	switch asked.Action {
	case "enable_single_node":
	case "finish_cluster":
		return badRequest("Cluster is already finished")
	case "add_node":
		return badRequest("Cluster is not enabled.")
	case "enable_cluster", "remove_node", "receive_cookie":
		return &couch.Error{Kind: couch.NotImplemented, Reason: "This server is a single node; clusters are not implemented."}
	default:
		return badRequest("Invalid Action'")
	}
	if err := c.enableSingleNode(asked); err != nil {
		return err
	}
	return c.ok(http.StatusCreated)
}

func (c *call) enableSingleNode(s setup) error {
	if s.Name != "" {
		hashed, err := c.hashedAdmin(s.Password)
		if err != nil {
			return err
		}
		if _, _, err := c.s.store.SetSetting(adminsSection, s.Name, hashed); err != nil {
			return err
		}
		c.tellSetting("setting changed", adminsSection, s.Name)
	}
	for _, name := range s.Ensure {
		if _, err := c.s.store.Create(c.ctx(), name); err != nil && !errors.Is(err, couch.ErrDatabaseExists) {
			return err
		}
	}
	return nil
}

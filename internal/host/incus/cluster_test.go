package incus

import (
	"testing"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
)

// A cluster's listing names what is on a member that does not answer, and knows nothing else of it (recorded: two
// members, one of them stopped).
func TestLost(t *testing.T) {
	away := api.Instance{Name: "pg-restore-drill-2", Location: "cl2", Status: "Error", StatusCode: api.Error}
	assert.Equal(t, "left pg-restore-drill-2 alone: cl2, the member of the cluster that it is on, does not answer",
		lost(away))

	for name, change := range map[string]func(*api.Instance){
		"somebody else's":                  func(i *api.Instance) { i.Name = "web" },
		"broken, on a member that answers": func(i *api.Instance) { i.Config = map[string]string{"x": "y"} },
		"one that runs":                    func(i *api.Instance) { i.StatusCode = api.Running },
		"no cluster":                       func(i *api.Instance) { i.Location = "" },
	} {
		other := away
		change(&other)
		assert.Empty(t, lost(other), name)
	}
}

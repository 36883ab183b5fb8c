package drill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// noon is when every set of these tests began.
var noon = time.Date(2026, 8, 23, 12, 0, 0, 0, time.UTC)

// listedBackup is a set as `pgbackrest info` lists it, stopped some time after noon.
func listedBackup(t *testing.T, label, kind string, after time.Duration, stop string) (b pgbackrest.Backup) {
	t.Helper()
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil,
		`{"label":%q,"type":%q,"archive":{"start":"000000010000000000000002","stop":"000000010000000000000003"},
		"lsn":{"start":"0/2000028","stop":%q},"timestamp":{"start":%d,"stop":%d},"database":{"id":1,"repo-key":1}}`,
		label, kind, stop, noon.Unix(), noon.Add(after).Unix()), &b))
	require.Equal(t, noon.Add(after).Unix(), b.Stopped().Unix())
	return b
}

func at(moment time.Time) target.Target { return target.Target{Kind: target.Time, Time: moment} }

func lsnTarget(position string) target.Target { return target.Target{Kind: target.LSN, LSN: position} }

// requireReason demands an error of a reason; "" demands none.
func requireReason(t *testing.T, want reason.Reason, err error, name string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err, name)
		return
	}
	why, _ := reason.Of(err)
	require.Equal(t, want, why, "%s: %v", name, err)
}

// recorder takes what a step says, without a test's own handle.
type recorder struct {
	bytes.Buffer
	keys   []string
	values map[string]string
}

var _ suite.Handle = (*recorder)(nil)

func (r *recorder) Output() io.Writer { return &r.Buffer }

func (r *recorder) Attr(key, value string) {
	r.keys = append(r.keys, key)
	if r.values == nil {
		r.values = map[string]string{}
	}
	r.values[key] = value
}

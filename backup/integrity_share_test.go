package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/integrity"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

const (
	oneSet   = "20261122-020003F"
	otherSet = "20261115-020003F"
)

// shareOf is a share of a repository with two sets and a directory of WAL, of which nothing is read yet.
func shareOf(t *testing.T) *share {
	t.Helper()
	conf := "[global]\nrepo1-path=/r\n[veza]\npg1-path=/p\n"
	s := &share{
		opened: sourceOf(t, conf, listing{backups: []pgbackrest.Backup{{Label: otherSet}, {Label: oneSet}}}),
		cycle:  7 * integrity.Day, wrong: map[string][]string{}, memory: integrity.Memory{},
	}
	s.Settings.State = filepath.Join(t.TempDir(), "state.json")
	return s
}

// What is known to be damaged is red though this run did not come to it; that of a set that expired is nobody's fault,
// and nothing read is nothing proved.
func TestShare_Judge(t *testing.T) {
	out, _ := listen()
	s := shareOf(t)
	s.memory[oneSet+"/0"] = integrity.Known{Seen: time.Now(), Bad: []string{"one is cut"}}
	s.memory[otherSet+"/0"] = integrity.Known{Seen: time.Now(), Bad: []string{"other is cut"}}
	s.memory["15-1/0000000100000000"] = integrity.Known{Seen: time.Now(), Bad: []string{"segment is cut"}}
	s.wrong[otherSet] = []string{"other is missing"}
	err := s.judge(out, []string{oneSet}, nil)
	unhad := reason.Errorf(reason.RepoUnreachable, "one object never comes")
	requireReason(t, reason.RepoCorrupt, s.judge(out, []string{oneSet}, unhad))
	requireReason(t, reason.RepoUnreachable, shareOf(t).judge(out, []string{oneSet}, unhad))
	requireReason(t, reason.RepoCorrupt, err)
	require.ErrorContains(t, err, "one is cut")
	require.ErrorContains(t, err, "segment is cut")
	assert.NotContains(t, err.Error(), "other is")

	requireReason(t, reason.RepoCorrupt, shareOf(t).judge(out, []string{oneSet}, nil))
	cut := shareOf(t)
	cut.cut = true
	requireReason(t, reason.Timeout, cut.judge(out, []string{oneSet}, nil))
	expired := shareOf(t)
	expired.bytes = 5 // and nothing of it was there any more
	require.NoError(t, expired.judge(out, []string{oneSet}, nil))
	read := shareOf(t)
	read.done, read.bytes = 1, 5
	require.NoError(t, read.judge(out, []string{oneSet}, nil))
}

// A cycle that is late is said, and so is time that was over.
func TestShare_SaysHowFar(t *testing.T) {
	out, said := listen()
	s := shareOf(t)
	s.units = []integrity.Unit{{Key: "a", Bytes: 3e9}, {Key: "b", Bytes: 1e9}}
	s.memory = integrity.Memory{
		"a": {Seen: time.Now(), Read: time.Now(), Bytes: 3e9}, "b": {Seen: time.Now().Add(-9 * integrity.Day)},
	}
	s.done, s.bytes, s.cut = 7, 3e9, true
	require.NoError(t, s.judge(out, nil, nil))
	text := strings.Join(said.attrs, "\n")
	assert.Contains(t, text, "integrity read 3.0 GB in 7 objects of 4.0 GB: 75 % was read within the last 7.0 days")
	assert.Contains(t, text, "the time was over before all of today's share was read")
	assert.Contains(t, text,
		"the cycle is late: 1.0 GB in 1 parts were not read for more than 7.0 days, the longest for "+
			"9.0 days")
	assert.Contains(t, text, "metric.verify_coverage_ratio=0.75")
}

// The run's time bounds the reading: what was not come to stays as it was.
func TestShare_StopsInTime(t *testing.T) {
	out, _ := listen()
	s := shareOf(t)
	s.objects = bucket(t, map[string]string{"x": "content"})
	s.units = []integrity.Unit{{Key: "a", Bytes: 7, Objects: []integrity.Object{{Path: "x", Bytes: 7}}}}
	s.memory = integrity.Memory{"a": {Seen: time.Now().Add(-9 * integrity.Day)}}
	short, cancel := context.WithTimeout(t.Context(), afterReading/2)
	defer cancel()
	require.NoError(t, s.read(short, out))
	assert.True(t, s.cut)
	assert.True(t, s.memory["a"].Read.IsZero())

	require.NoError(t, s.read(t.Context(), out))
	assert.False(t, s.memory["a"].Read.IsZero())
}

// One object that never comes keeps nothing else from being read, and what was found elsewhere is kept.
func TestShare_GoesOnBesideWhatDoesNotCome(t *testing.T) {
	out, _ := listen()
	s := shareOf(t)
	s.objects = bucket(t, map[string]string{"sub/x": "content", "y": "content"})
	long := time.Now().Add(-9 * integrity.Day)
	for _, path := range []string{"sub", "y"} { // nobody can read a directory
		s.units = append(s.units,
			integrity.Unit{Key: path, Bytes: 7, Objects: []integrity.Object{{Path: path, Bytes: 7}}})
		s.memory[path] = integrity.Known{Seen: long}
	}
	for i := range s.units {
		s.units[i].Objects[0].Files = []integrity.File{{Name: "y", Length: 7, Stored: "another"}}
	}
	requireReason(t, reason.RepoUnreachable, s.read(t.Context(), out))
	assert.True(t, s.memory["sub"].Read.IsZero())
	assert.NotEmpty(t, s.memory["y"].Bad)
}

// refusing gives what it holds, but for some objects.
type refusing struct {
	objectstore.Objects
	errs map[string]error
}

func (r refusing) Open(ctx context.Context, name string, length int64) (io.ReadCloser, error) {
	if err := r.errs[name]; err != nil {
		return nil, err
	}
	return r.Objects.Open(ctx, name, length)
}

// Objects that the store refuses keep nothing else from being read, however many there are; a store that does not
// answer is given up.
func TestShare_GoesOnBesideWhatIsRefused(t *testing.T) {
	refused := fmt.Errorf("object: InvalidObjectState: %w", objectstore.ErrRefused)
	for _, c := range []struct {
		err  error
		want reason.Reason
		read bool
	}{{refused, reason.RepoDenied, true}, {errors.New("i/o timeout"), reason.RepoUnreachable, false}} {
		out, _ := listen()
		s := shareOf(t)
		from := refusing{bucket(t, map[string]string{"y": "content"}), map[string]error{}}
		long := time.Now().Add(-9 * integrity.Day)
		for i, path := range []string{"a", "b", "c", "d", "y"} {
			if path != "y" {
				from.errs[path] = c.err
			}
			file := integrity.File{Name: path, Length: 7, Stored: "another"}
			s.units = append(s.units, integrity.Unit{Key: path, Bytes: 7, Objects: []integrity.Object{
				{Path: path, Bytes: 7, Files: []integrity.File{file}},
			}})
			s.memory[path] = integrity.Known{Seen: long.Add(time.Duration(i) * time.Minute)}
		}
		s.objects = from
		err := s.read(t.Context(), out)
		requireReason(t, c.want, err)
		assert.Equal(t, c.read, len(s.memory["y"].Bad) > 0)
		assert.Equal(t, c.read, strings.Contains(err.Error(), "and of 3 more parts"))
		assert.True(t, s.memory["a"].Read.IsZero())
	}
}

package runner

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/testprom/report"
)

// meanwhile is a stream that something happens beside.
type meanwhile struct {
	io.Reader
	happens func()
}

func (m *meanwhile) Read(p []byte) (int, error) {
	if m.happens != nil {
		m.happens()
	}
	m.happens = nil
	return m.Reader.Read(p)
}

// The report has the exit status that the run ends with, also where the history or the evidence can no more be written
// down at its end. The verdict on the backups is what it was.
func TestReport_AgreesWithTheExitStatus(t *testing.T) {
	for name, option := range map[string]string{"all of it": "", "no history": "-history", "no evidence": "-evidence"} {
		dir := t.TempDir()
		place, path := filepath.Join(dir, "place"), filepath.Join(dir, "r.json")
		args := []string{"-report", path}
		if option != "" {
			args = append(args, option, place)
		}
		lost := &meanwhile{Reader: bytes.NewReader(passing(t))}
		lost.happens = func() {
			require.NoError(t, os.RemoveAll(place))
			if option == "-history" {
				require.NoError(t, os.Mkdir(place, 0o700))
			} else {
				require.NoError(t, os.WriteFile(place, nil, 0o600))
			}
		}
		w, _, errs := world(lost)
		exit := Main(args, w)
		assert.Equal(t, option != "", exit == reason.ExitEnvironment, "%s: %s", name, errs)
		written, err := report.Parse([]byte(read(t, path)))
		require.NoError(t, err, name)
		assert.Equal(t, exit, written.Exit, name)
		assert.Equal(t, "restored", written.Backups, "%s: %s", name, errs)
	}
}

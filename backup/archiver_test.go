package backup

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

const (
	wantTimeout = 60 * time.Second // archive_timeout of the policy
	freshTime   = time.Hour        // a failure younger than that is worth a line, also when the next try went well
	stuckTime   = 5 * time.Minute  // a segment that waits longer than that is not archived as it should be
)

// archiver is what the primary says of its archiving.
type archiver struct {
	mode, command, library string
	timeout                time.Duration
	recovering             bool
	systemID               string
	lastWAL, failedWAL     string
	lastAt, failedAt       time.Time // zero: never
	now                    time.Time // by its clock
	waiting                int       // segments that are not archived yet
	oldest                 time.Time // since when the first of them waits
}

// archiver asks the primary; nil when none is named.
func (b *check) archiver(ctx context.Context) (*archiver, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	conn, err := b.primary(ctx)
	if conn == nil || err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }() // nothing was written
	a, err := askArchiver(ctx, conn)
	if err != nil {
		return nil, b.unasked(err)
	}
	if a.recovering {
		return nil, reason.Errorf(reason.ConfigInvalid, "-primary names a standby: with archive_mode=on it archives nothing; name the primary, or several hosts with target_session_attrs=read-write")
	}
	b.say("archive_mode=%s archive_timeout=%s archive_command=%s", a.mode, a.timeout, a.command)
	b.say("last archived %s at %s, last failed %s at %s, %d waiting", orNone(a.lastWAL), moment(a.lastAt), orNone(a.failedWAL), moment(a.failedAt), a.waiting)
	if !a.failing() && !a.failedAt.IsZero() && a.now.Sub(a.failedAt) < freshTime {
		b.note("warning: archive_command failed for %s at %s; the next try went well", a.failedWAL, moment(a.failedAt))
	}
	if !wal.IsSegment(a.lastWAL) {
		b.note("warning: the primary names no segment as its last archived file (%s): the end of the archive is not compared with it", orNone(a.lastWAL))
	}
	return a, nil
}

func askArchiver(ctx context.Context, conn *pgx.Conn) (*archiver, error) {
	a := &archiver{}
	var seconds float64
	var last, failed, oldest *time.Time
	err := conn.QueryRow(ctx, `SELECT current_setting('archive_mode'), current_setting('archive_command'), coalesce(current_setting('archive_library', true), ''),
		extract(epoch FROM current_setting('archive_timeout')::interval)::float8, pg_is_in_recovery(),
		(SELECT system_identifier::text FROM pg_control_system()),
		coalesce(last_archived_wal, ''), coalesce(last_failed_wal, ''), last_archived_time, last_failed_time, clock_timestamp(),
		(SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'),
		(SELECT min(modification) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')
		FROM pg_stat_archiver`).Scan(&a.mode, &a.command, &a.library, &seconds, &a.recovering, &a.systemID,
		&a.lastWAL, &a.failedWAL, &last, &failed, &a.now, &a.waiting, &oldest)
	a.timeout = time.Duration(seconds * float64(time.Second))
	for to, from := range map[*time.Time]*time.Time{&a.lastAt: last, &a.failedAt: failed, &a.oldest: oldest} {
		if from != nil {
			*to = *from
		}
	}
	return a, err
}

// failing says whether the last thing archive_command did was to fail.
func (a *archiver) failing() bool { return !a.failedAt.IsZero() && a.failedAt.After(a.lastAt) }

// wrong is everything that keeps the primary from archiving as the policy says; nil for
// nothing, and for a primary that was not asked.
func (a *archiver) wrong(stanza string) error {
	if a == nil {
		return nil
	}
	var found []string
	add := func(is bool, format string, args ...any) {
		if is {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	add(a.mode != "on", "archive_mode is %s: it must be on", a.mode)
	add(a.library != "", "archive_library is %s: archive_command is not used then", a.library)
	add(!pushes(a.command, stanza), "archive_command is %q: it must run pgbackrest --stanza=%s archive-push %%p, and nothing behind that hides a failure", a.command, stanza)
	add(a.timeout != wantTimeout, "archive_timeout is %s: it must be %s", a.timeout, wantTimeout)
	add(a.failing(), "archive_command fails: %s, last at %s; the last segment that was archived is %s, at %s",
		a.failedWAL, moment(a.failedAt), orNone(a.lastWAL), moment(a.lastAt))
	add(a.waiting > 0 && a.now.Sub(a.oldest) > stuckTime, "%d segments wait to be archived, the first since %s", a.waiting, moment(a.oldest))
	if len(found) == 0 {
		return nil
	}
	return reason.Errorf(reason.ArchivingFailed, "on the primary: %s", strings.Join(found, "; "))
}

// shell is what may hide a failure of a command from PostgreSQL, or all of it from the shell.
var shell = regexp.MustCompile(`[;|&#\n]`)

// pushes says whether a command is pgbackrest's, for the stanza, and nothing else: what
// stands before or behind it may do nothing, or turn a failure into a success.
func pushes(command, stanza string) bool {
	words := strings.Fields(strings.NewReplacer(`"`, " ", `'`, " ", "=", " ").Replace(command))
	return len(words) > 0 && path.Base(words[0]) == "pgbackrest" && !shell.MatchString(command) &&
		slices.Contains(words, "archive-push") && slices.Contains(words, "%p") && slices.Contains(words, stanza)
}

// reached compares the end of the archive with what the primary says it archived last:
// a segment that is missing at the very end is not seen in a listing.
func (a *archiver) reached(last wal.Entry, size uint64) error {
	if a == nil || !wal.IsSegment(a.lastWAL) {
		return nil // not asked, or a history or backup file came last: that is noted
	}
	archived, err := wal.ParseSegment(a.lastWAL, size)
	if err != nil {
		return reason.Errorf(reason.ConfigInvalid, "the primary archived %q: is it the primary of this stanza? %w", a.lastWAL, err)
	}
	if archived.Timeline > last.Timeline || archived.Number > last.Number {
		return reason.Errorf(reason.WALMissing, "the primary says it archived %s, but the archive ends at %s", a.lastWAL, last.Name)
	}
	return nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// What production has passes; what archives nothing, or hides that it failed, does not.
func TestPushes(t *testing.T) {
	for command, want := range map[string]bool{
		"pgbackrest --stanza=veza archive-push %p":                                                     true,
		`/usr/bin/pgbackrest --config=/etc/pgbackrest/pgbackrest.conf --stanza=veza archive-push "%p"`: true,
		"test -d /etc/pgbackrest && pgbackrest --stanza=veza archive-push %p":                          false,
		"":                           false,
		"/bin/true":                  false,
		"cp %p /archive/%f":          false,
		"pgbackrest archive-push %p": false,
		"pgbackrest --stanza=other archive-push %p":         false,
		"pgbackrest --stanza=veza archive-push":             false,
		"pgbackrest --stanza=veza archive-push %p || true":  false,
		"pgbackrest --stanza=veza archive-push %p; true":    false,
		"pgbackrest --stanza=veza archive-push %p &":        false,
		"pgbackrest --stanza=veza archive-push %p | logger": false,
		"echo pgbackrest-archive-push --stanza=veza %p":     false,
	} {
		assert.Equal(t, want, pushes(command, "veza"), command)
	}
}

// Whatever keeps the primary from archiving is named; a primary that archives, or was not
// asked, has nothing wrong with it.
func TestArchiver_Wrong(t *testing.T) {
	now := time.Date(2026, 11, 25, 6, 30, 0, 0, time.UTC)
	well := archiver{
		mode: "on", command: "pgbackrest --stanza=veza archive-push %p", timeout: time.Minute,
		lastWAL: "000000010000000000000009", lastAt: now.Add(-time.Minute), now: now,
	}
	require.NoError(t, (*archiver)(nil).wrong("veza"))
	require.NoError(t, well.wrong("veza"))
	recovered := well
	recovered.failedWAL, recovered.failedAt = recovered.lastWAL, recovered.lastAt.Add(-time.Second)
	require.NoError(t, recovered.wrong("veza"), "the next try went well")
	for says, harm := range map[string]func(*archiver){
		"archive_mode is off":     func(a *archiver) { a.mode = "off" },
		"archive_library is x":    func(a *archiver) { a.library = "x" },
		`archive_command is ""`:   func(a *archiver) { a.command = "" },
		"archive_timeout is 5m0s": func(a *archiver) { a.timeout = 5 * time.Minute },
		"archive_command fails: 00000001000000000000000A": func(a *archiver) {
			a.failedWAL, a.failedAt = "00000001000000000000000A", now.Add(-time.Second)
		},
		"3 segments wait": func(a *archiver) { a.waiting, a.oldest = 3, now.Add(-time.Hour) },
	} {
		ill := well
		harm(&ill)
		err := ill.wrong("veza")
		require.ErrorContains(t, err, says)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ArchivingFailed, why)
	}
}

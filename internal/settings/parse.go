package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/target"
)

// Values of Settings.Set that are no label.
const (
	SetLatest     = "latest"      // the newest set without an error
	SetLatestDiff = "latest-diff" // the newest differential set without an error
)

// Values of Settings.Compare.
const (
	CompareNone    = "none"
	CompareStandby = "standby" // a streaming standby of production
	CompareSets    = "sets"    // the previous full backup, replayed to the same position
)

func parseCompare(value string) (string, error) {
	if value == CompareNone || value == CompareStandby || value == CompareSets {
		return value, nil
	}
	return "", errors.New("must be none, standby or sets")
}

// A full is 20260823-020003F, its diffs and incrs end in _20260824-020001D or I.
var labelPattern = regexp.MustCompile(`^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$`)

// parseFile makes a path absolute and proves that it can be read.
func parseFile(value string) (string, error) {
	path, err := filepath.Abs(value)
	if err != nil {
		return "", fmt.Errorf("cannot be made absolute: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no file %s: give its absolute path, since `go test` changes directory", path)
	case err != nil:
		return "", fmt.Errorf("cannot look at %s: %w", path, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file: name the file itself", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w; let the user of the drill read it", path, err)
	}
	return path, f.Close()
}

// parsePolicy reads a policy file.
func parsePolicy(value string) (policy.Policy, error) {
	path, err := parseFile(value)
	if err != nil {
		return policy.Mission(), err
	}
	return policy.Read(path)
}

// parsePath makes the path of a file absolute that need not be there yet; its directory must.
func parsePath(value string) (string, error) {
	path, err := filepath.Abs(value)
	if err != nil {
		return "", fmt.Errorf("cannot be made absolute: %w", err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return "", fmt.Errorf("there is no directory %s: make it first", filepath.Dir(path))
	}
	return path, nil
}

// parseNewFile is parsePath for a file that must not be there yet.
func parseNewFile(value string) (string, error) {
	path, err := parsePath(value)
	if err != nil {
		return "", err
	}
	if _, err = os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is there already, and is never overwritten: name another file, or move that one away",
			path)
	}
	return path, nil
}

// parseStanza takes what pgBackRest takes, which is nearly all: "prod main", prod@eu:5432. A
// name is a directory of the repository; one that looks like a flag was meant as one.
func parseStanza(value string) (string, error) {
	if !plain(value) || strings.TrimSpace(value) != value || strings.HasPrefix(value, "-") ||
		strings.Contains(value, "/") || value == "." || value == ".." {
		return "", errors.New("is no stanza name: one line that does not begin with a dash and holds no slash, " +
			"as in the conf's [section]")
	}
	if value == "global" || strings.HasPrefix(value, "global:") {
		return "", errors.New("is a section of the conf that is no stanza: name the stanza's own section")
	}
	return value, nil
}

func parseRepo(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 256 {
		return 0, errors.New("must be a repository key, 1 to 256, the N of repoN-type in the conf")
	}
	return n, nil
}

// parsePast reads a moment that is over. pgBackRest cuts it to seconds (cvtZToTime), and so do we:
// what is said must be what is asked.
func parsePast(value string, now time.Time) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, value)
	switch {
	case err != nil:
		return at, errors.New("must be a moment with its offset (RFC 3339), such as 2026-08-18T03:59:30Z or " +
			"2026-08-18T05:59:30+02:00")
	case at.After(now):
		return at, fmt.Errorf("lies in the future (it is %s): leave it out for the repository of now",
			now.UTC().Format(time.RFC3339))
	}
	return at.UTC().Truncate(time.Second), nil
}

func parseSet(value string) (string, error) {
	if value == SetLatest || value == SetLatestDiff || labelPattern.MatchString(value) {
		return value, nil
	}
	return "", errors.New(
		"must be latest, latest-diff, or a label as `pgbackrest info` shows it, such as 20260823-020003F or " +
			"20260823-020003F_20260824-020001D",
	)
}

func parseGetAsync(value string) (string, error) {
	switch value {
	case pgbackrest.GetAuto, pgbackrest.GetOn, pgbackrest.GetOff:
		return value, nil
	}
	return "", errors.New("must be auto, on or off")
}

func parseDatabase(value string) (string, error) {
	if !target.IsName(value) {
		return "", errors.New("is no database name: 1 to 63 bytes of printable text")
	}
	return value, nil
}

// parseWord reads the name of something of Incus or Docker.
func parseWord(value string) (string, error) {
	if !plain(value) || strings.ContainsAny(value, " ") || strings.HasPrefix(value, "-") {
		return "", errors.New("is no name: one word that does not begin with a dash")
	}
	return value, nil
}

// parseSize reads a number of bytes with its unit: 512MiB, 4GiB, 10GB.
func parseSize(value string) (int64, error) {
	n, err := parseBytes(value)
	if err == nil && n < 64<<20 {
		return 0, errors.New("is too small for a PostgreSQL: 64MiB is the least")
	}
	return n, err
}

func parseRate(value string) (int64, error) {
	n, err := parseBytes(value)
	if err == nil && n < 1<<20 {
		return 0, errors.New("is too slow to come to an end: 1MiB a second is the least")
	}
	return n, err
}

// parseShare reads whole percent: 15%.
func parseShare(value string) (int64, error) {
	number, ok := strings.CutSuffix(value, "%")
	n, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || n > 90 {
		return 0, errors.New("must be a share in whole percent, 0% to 90%, such as 15%")
	}
	return int64(n), nil
}

func parseBytes(value string) (int64, error) {
	n, err := humanize.ParseBytes(value)
	if err != nil || n > math.MaxInt64 {
		return 0, errors.New("must be a size with a unit, such as 512MiB or 4GiB")
	}
	return int64(n), nil
}

func parseCount(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, errors.New("must be a whole number")
	}
	if n < 1 {
		return 0, errNotPositive
	}
	return n, nil
}

func parseBool(value string) (bool, error) {
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.New("must be true or false")
	}
	return b, nil
}

func parseBudget(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, errors.New("must be a duration with a unit, such as 90s, 30m or 1h30m")
	}
	if d <= 0 {
		return 0, errNotPositive
	}
	return d, nil
}

// parseDays reads whole days: 7d. More than a quarter of a year is no cycle for backups that live for weeks.
func parseDays(value string) (time.Duration, error) {
	number, ok := strings.CutSuffix(value, "d")
	n, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || n < 1 || n > 92 {
		return 0, errors.New("must be whole days, 1d to 92d, such as 7d")
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

// plain says whether text is valid UTF-8, not blank, and free of control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && strings.TrimSpace(text) != "" && strings.IndexFunc(text, unicode.IsControl) < 0
}

package packaging

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/version"
)

// Origin is what a package is made from.
type Origin struct {
	Version string // as Debian writes it, and sorts it
	Commit  string // whole; "" when unknown
	// Time is that of the commit. It stands for the time of the build in everything that holds one.
	Time time.Time
	// Note is what there is to know about the version, "" when nothing is.
	Note string
}

// versionPattern is a version that Debian takes for a package without a revision.
var versionPattern = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~]*$`)

// gitTime bounds each call of git.
const gitTime = time.Minute

// FindOrigin asks git about the checkout root, else what git archive wrote into the source. The
// version and the time can be given: wanted, and epoch as of SOURCE_DATE_EPOCH; "" asks.
func FindOrigin(ctx context.Context, root, wanted, epoch string) (Origin, error) {
	o, err := fromGit(ctx, root)
	if err != nil {
		if o, err = fromSource(root, err); err != nil {
			return Origin{}, err
		}
	}
	if wanted != "" {
		o.Version, o.Note = wanted, ""
	}
	if !versionPattern.MatchString(o.Version) {
		return Origin{}, fmt.Errorf("%q is no version: digits first, then letters, digits, and . + ~", o.Version)
	}
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 {
			return Origin{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: it is a number of seconds", epoch)
		}
		o.Time = time.Unix(seconds, 0).UTC()
	}
	return o, nil
}

// fromGit is the origin of a checkout.
func fromGit(ctx context.Context, root string) (Origin, error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil { // git itself would look further up
		return Origin{}, errors.New("there is no .git here")
	}
	head, err := git(ctx, root, "log", "-1", "--format=%H|%ct")
	if err != nil {
		return Origin{}, err
	}
	commit, seconds, _ := strings.Cut(strings.TrimSpace(head), "|")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return Origin{}, fmt.Errorf("git log says %q", head)
	}
	described, _ := git(ctx, root, "describe", "--tags", "--match", "v[0-9]*") // fails without a tag
	o := Origin{Commit: commit, Time: time.Unix(at, 0).UTC()}
	o.Version = name(strings.TrimSpace(described), o.Commit, o.Time)
	changes, err := changes(ctx, root)
	if err == nil && changes != "" {
		o.Version += "+dirty." + changes
		o.Note = "there is more here than the commit: the version ends in a hash of it"
	}
	return o, err
}

// changes is a short hash of what stands in the checkout and not in the commit; "" for nothing. The
// same changes have the same hash, so that two builds of them are the same bytes too.
func changes(ctx context.Context, root string) (string, error) {
	diff, err := git(ctx, root, "diff", "--binary", "HEAD")
	if err != nil {
		return "", err
	}
	others, err := git(ctx, root, "ls-files", "-z", "--others", "--exclude-standard")
	if err != nil || diff+others == "" {
		return "", err
	}
	sum := sha256.New()
	_, _ = io.WriteString(sum, diff)
	for file := range strings.SplitSeq(strings.TrimSuffix(others, "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil && file != "" && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		_, _ = fmt.Fprintf(sum, "%s\x00%d\x00%s", file, len(content), content)
	}
	return fmt.Sprintf("%.4x", sum.Sum(nil)), nil
}

// fromSource is the origin of source without git, for the reason why.
func fromSource(root string, why error) (Origin, error) {
	if commit, at, described, ok := version.Archived(); ok {
		return Origin{Commit: commit, Time: at, Version: name(described, commit, at)}, nil
	}
	// Whoever unpacked the source gave every file the same time, or none that means anything.
	info, err := os.Stat(filepath.Join(root, "go.mod"))
	if err != nil {
		return Origin{}, err
	}
	return Origin{
		Version: "0~unknown", Time: info.ModTime().UTC().Truncate(time.Second),
		Note: fmt.Sprintf("the version is unknown (%v, and the source is no git archive), and the time is that of "+
			"go.mod: give VERSION=1.2.3 and SOURCE_DATE_EPOCH=SECONDS", why),
	}, nil
}

// describedPattern is what git describe says of a tag: v1.2.3, v1.2.3-rc1, and either with the
// commits since and the commit.
var describedPattern = regexp.MustCompile(`^v([0-9][0-9.]*)(?:-([a-z][a-z0-9.]*))?(?:-([0-9]+-g[0-9a-f]+))?$`)

// name is the version as Debian sorts it: v1.2.3-rc1 is 1.2.3~rc1 and comes before 1.2.3, four
// commits later it is 1.2.3+4.g0123456. Without a tag it comes before every version, by the time
// of the commit.
func name(described, commit string, at time.Time) string {
	tag := describedPattern.FindStringSubmatch(described)
	if tag == nil {
		return fmt.Sprintf("0~git%s.%.7s", at.Format("20060102.150405"), commit)
	}
	text := tag[1]
	if tag[2] != "" {
		text += "~" + tag[2]
	}
	if tag[3] != "" {
		text += "+" + strings.Replace(tag[3], "-", ".", 1)
	}
	return text
}

// git is what git prints.
func git(ctx context.Context, root string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		said, _, _ := strings.Cut(strings.TrimSpace(string(failed.Stderr)), "\n")
		return "", fmt.Errorf("git %s: %s", args[0], cmp.Or(said, failed.Error()))
	}
	return string(out), err
}

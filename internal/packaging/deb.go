package packaging

import (
	"context"
	"crypto/md5"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const maintainer = "Veza <ops@veza.fr>"

// debTime bounds dpkg-deb, most of which is xz.
const debTime = 10 * time.Minute

// architectures are Debian's names of GOARCH where they differ.
var architectures = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el"}

func debArch(arch string) string {
	if name, ok := architectures[arch]; ok {
		return name
	}
	return arch
}

// about is what a package is, as Debian writes it.
const about = ` Restores the newest backup into a throw-away machine, proves that the data
 came back up to the end of the archive, measures what a restore costs, and
 tells Prometheus. The backup checks say whether backups are taken as they
 should be.
`

// control is the description of the package for dpkg.
func control(o Origin, e Environment, arch string, kilobytes int64) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	field("Package", e.Package())
	field("Version", o.Version)
	field("Architecture", debArch(arch))
	field("Maintainer", maintainer)
	field("Installed-Size", strconv.FormatInt(kilobytes, 10))
	field("Depends", e.Depends)
	field("Recommends", e.Recommends)
	field("Suggests", e.Suggests)
	// One machine has one of them: they hold the same files.
	field("Provides", "veza-drill")
	field("Conflicts", "veza-drill")
	field("Replaces", "veza-drill")
	field("Section", "database")
	field("Priority", "optional")
	field("Homepage", "https://veza.fr")
	field("Description", "restore drill for PostgreSQL backups by pgBackRest ("+e.Name+")")
	b.WriteString(about + " .\n " + e.About + "\n")
	return b.String()
}

// changelog is Debian's: one entry, for what this is made from. The project's own lies beside it.
func changelog(o Origin, e Environment) []byte {
	commit := o.Commit
	if commit == "" {
		commit = "unknown"
	}
	return fmt.Appendf(nil, "%s (%s) unstable; urgency=medium\n\n"+
		"  * Commit %s. What changed: CHANGELOG.md.\n\n -- %s  %s\n",
		e.Package(), o.Version, commit, maintainer, o.Time.Format(time.RFC1123Z))
}

// overrides are what lintian says of this package and is as it should be.
func overrides(e Environment) string {
	return strings.ReplaceAll(`# Go links statically, and without cgo the programs run on any Linux.
PACKAGE: statically-linked-binary
# The same file lies in the tarball, where there is no /usr/share/common-licenses to refer to.
PACKAGE: copyright-file-contains-full-apache-2-license
`, pkgName, e.Package())
}

// deb makes the Debian package of a settled stage at file. The size and sums of its files are given.
func (s stage) deb(ctx context.Context, o Origin, e Environment, arch, file string, paths []string) error {
	var bytes int64
	var sums strings.Builder
	for _, path := range paths {
		info, err := os.Lstat(filepath.Join(s.root, path))
		if err != nil {
			return err
		}
		if info.IsDir() {
			bytes += 1024
			continue
		}
		content, err := os.ReadFile(filepath.Join(s.root, path))
		if err != nil {
			return err
		}
		bytes += (info.Size() + 1023) &^ 1023
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(content), path)
	}
	for name, text := range map[string]string{
		"control": control(o, e, arch, bytes/1024), "md5sums": sums.String(),
	} {
		if err := s.put("DEBIAN/"+name, []byte(text), fs.FileMode(0o644)); err != nil {
			return err
		}
	}
	if _, err := s.settle(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, debTime)
	defer cancel()
	// One thread: how xz cuts what it compresses must not depend on the number of cores.
	command := exec.CommandContext(ctx, "dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "-z1",
		"--build", s.root, file)
	command.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(s.at.Unix(), 10), "LC_ALL=C")
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("dpkg-deb: %w\n%s", err, said)
	}
	return nil
}

package pgbackrest

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Manifest lists the files of a backup set (src/info/manifest.c, 2.45 to 2.59.1).
type Manifest struct {
	Label string
	Type  string // of compression: none, gz, bz2, lz4, zst
	// Pass opens the set's files where the repository is encrypted; never to be printed.
	Pass    string
	Bundle  bool // small files lie together
	Files   []ManifestFile
	Mode    string           // of directories, where one has no other
	Paths   []string         // directories and links, named as the files are
	Targets []ManifestTarget // what lay apart from the data directory
}

// ManifestFile is one file of a set, as it lies in the repository.
type ManifestFile struct {
	Name      string
	Reference string // label of the set that holds it; "" is this one
	Size      int64  // bytes, as restored
	RepoSize  int64  // bytes, as stored: compressed and encrypted
	Checksum  string // SHA-1 of what is restored; "" for an empty file
	// RepoChecksum is the SHA-1 of what is stored; "" where that is the file itself, and before 2.44.
	RepoChecksum string
	BundleID     int64 // 0 lies alone
	Offset       int64 // in the bundle
	Blocks       bool  // block incremental
}

// ErrManifest is a manifest that is not as pgBackRest wrote it.
var ErrManifest = errors.New("the manifest is damaged")

var sha1Digits = regexp.MustCompile(`^[0-9a-f]{40}$`)

// ParseManifest reads a manifest, decrypted, and proves its own checksum.
func ParseManifest(content []byte) (m Manifest, err error) {
	info, err := parseInfoFile(content)
	if err != nil {
		return m, err
	}
	m.Type = "none"
	if on, _ := info.value("backup:option", "option-compress"); on == "true" {
		m.Type = "gz" // where nothing names it
	}
	for _, value := range []struct {
		section, key string
		to           any
	}{
		{"backup", "backup-label", &m.Label},
		{"backup", "backup-bundle", &m.Bundle},
		{"backup:option", "option-compress-type", &m.Type},
		{"cipher", "cipher-pass", &m.Pass},
		{"target:path:default", "mode", &m.Mode},
	} {
		if text, ok := info.value(value.section, value.key); ok && json.Unmarshal([]byte(text), value.to) != nil {
			return m, fmt.Errorf("%w: its %s cannot be read", ErrManifest, value.key)
		}
	}
	if m.Label == "" {
		return m, fmt.Errorf("%w: it names no label", ErrManifest)
	}
	for _, l := range info.lines {
		switch l.section {
		case "target:path", "target:link":
			m.Paths = append(m.Paths, l.key)
		case "target:file":
			f, bad := parseManifestFile(l.key, l.value)
			if bad != nil {
				return m, fmt.Errorf("%w: %s: %w", ErrManifest, Printable(l.key), bad)
			}
			m.Files = append(m.Files, f)
		}
	}
	if len(m.Files) == 0 {
		return m, fmt.Errorf("%w: it names no file", ErrManifest)
	}
	m.Targets, err = parseTargets(info)
	return m, err
}

func parseManifestFile(name, value string) (f ManifestFile, err error) {
	var said struct {
		Blocks    int64  `json:"bi"`
		BundleID  int64  `json:"bni"`
		Offset    int64  `json:"bno"`
		Checksum  string `json:"checksum"`
		RepoSum   string `json:"rck"`
		Reference string `json:"reference"`
		RepoSize  *int64 `json:"repo-size"`
		Size      *int64 `json:"size"`
	}
	if err = json.Unmarshal([]byte(value), &said); err != nil {
		return f, err
	}
	if said.Size == nil {
		return f, errors.New("it has no size")
	}
	f = ManifestFile{
		Name: name, Reference: said.Reference, Size: *said.Size, RepoSize: *said.Size, Checksum: said.Checksum,
		RepoChecksum: said.RepoSum, BundleID: said.BundleID, Offset: said.Offset, Blocks: said.Blocks != 0,
	}
	if said.RepoSize != nil {
		f.RepoSize = *said.RepoSize
	}
	const most = 1 << 50 // bytes; sums of many must not overflow
	switch {
	case path.Clean("/"+name) != "/"+name:
		return f, errors.New("its path leads elsewhere")
	case min(f.Size, f.RepoSize, f.BundleID, f.Offset) < 0, max(f.Size, f.RepoSize, f.Offset) > most:
		return f, errors.New("a number in it is none of a file's")
	case f.Size > 0 && !sha1Digits.MatchString(f.Checksum),
		f.RepoChecksum != "" && !sha1Digits.MatchString(f.RepoChecksum):
		return f, errors.New("its checksum is none")
	case f.Reference != "" && !setLabel.MatchString(f.Reference):
		return f, errors.New("it refers to no backup set")
	}
	return f, nil
}

var setLabel = regexp.MustCompile(`^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$`)

// Stored is where a file lies below the directory of its set (backupFileRepoPath in src/command/backup/common.c).
func (m Manifest) Stored(f ManifestFile) string {
	switch {
	case f.BundleID != 0:
		return fmt.Sprintf("bundle/%d", f.BundleID)
	case f.Blocks:
		return f.Name + ".pgbi"
	case m.Type == "none":
		return f.Name
	}
	return f.Name + "." + m.Type
}

// InfoPass is the passphrase that an info file of the repository, decrypted, holds for what it is about: archive.info
// that of WAL segments. It is "" where nothing is encrypted, and never to be printed.
func InfoPass(content []byte) (pass string, err error) {
	info, err := parseInfoFile(content)
	if err != nil {
		return "", err
	}
	if text, ok := info.value("cipher", "cipher-pass"); ok && json.Unmarshal([]byte(text), &pass) != nil {
		return "", errors.New("its cipher-pass cannot be read")
	}
	return pass, nil
}

// infoFile is a file of pgBackRest's own: sections of keys with JSON values.
type infoFile struct{ lines []infoLine }

type infoLine struct{ section, key, value string }

// parseInfoFile reads one, and proves the checksum it ends with: the SHA-1 of all values before it, written as JSON
// (infoSave in src/info/info.c).
func parseInfoFile(content []byte) (info infoFile, err error) {
	info, got, want := readInfoFile(content)
	switch {
	case want == broken:
		return info, fmt.Errorf("%w: a line of it holds no value", ErrManifest)
	case got != want:
		return info, fmt.Errorf("%w: its checksum is wrong, or missing", ErrManifest)
	}
	return info, nil
}

// broken is no checksum: a line was not understood.
const broken = "broken"

// readInfoFile reads one: got is the checksum of what it holds, want the one it ends with.
func readInfoFile(content []byte) (info infoFile, got, want string) {
	sum := sha1.New()
	section, last := "", ""
	write := func(parts ...string) {
		for _, part := range parts {
			_, _ = sum.Write([]byte(part)) // a hash never fails
		}
	}
	write("{")
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(name, "]") {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		if line == "" {
			continue
		}
		key, value, ok := keyValue(line)
		switch {
		case !ok || section == "" || want != "":
			return info, "", broken
		case section == "backrest" && key == "backrest-checksum":
			want = strings.Trim(value, `"`)
			continue
		case section != last && last != "":
			write("},")
		}
		if section != last {
			write(quoted(section), ":{")
		} else {
			write(",")
		}
		write(quoted(key), ":", value)
		last = section
		info.lines = append(info.lines, infoLine{section, key, value})
	}
	write("}}")
	return info, hex.EncodeToString(sum.Sum(nil)), want
}

// SealInfo adds the checksum to the text of an info file, as pgBackRest does.
func SealInfo(content []byte) []byte {
	_, sum, _ := readInfoFile(content)
	return fmt.Appendf(content, "\n[backrest]\nbackrest-checksum=\"%s\"\n", sum)
}

// keyValue splits a line at the first equals sign that JSON follows: a file's name may hold one.
func keyValue(line string) (key, value string, ok bool) {
	for i := range len(line) {
		if line[i] == '=' && i > 0 && json.Valid([]byte(line[i+1:])) {
			return line[:i], line[i+1:], true
		}
	}
	return "", "", false
}

var jsonEscapes = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`)

// quoted is text as pgBackRest writes it in JSON.
func quoted(text string) string { return `"` + jsonEscapes.Replace(text) + `"` }

func (f infoFile) value(section, key string) (string, bool) {
	for _, l := range f.lines {
		if l.section == section && l.key == key {
			return l.value, true
		}
	}
	return "", false
}

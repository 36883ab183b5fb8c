package incus

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lxc/incus/v6/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Every name has an address of its own inside, so that two may share a port.
func TestLayout(t *testing.T) {
	stores, err := layout([]sandbox.Address{
		{Host: "S3.Example.org.", Port: "443"},
		{Host: "127.0.0.2", Port: "443"},
		{Host: "localhost", Port: "9000"},
		{Host: "other.example.org", Port: "443"},
		{Host: "s3.example.org", Port: "443"},
		{Host: "s3.example.org", Port: "8443"},
		{Host: "[2001:db8::1]", Port: "443"},
		{Host: "192.0.2.7", Port: "443"},
		{Host: "192.0.2.7", Port: "9000"},
	})
	require.NoError(t, err)
	var found []string
	for n := range stores {
		stores[n].target = "there"
		found = append(found, stores[n].host+" "+proxies(stores[n : n+1])["store-1"]["listen"])
	}
	assert.Equal(t, []string{
		"s3.example.org tcp:127.0.0.3:443",
		"127.0.0.2 tcp:127.0.0.2:443",
		"localhost tcp:127.0.0.1:9000",
		"other.example.org tcp:127.0.0.4:443",
		"s3.example.org tcp:127.0.0.3:8443",
		"2001:db8::1 tcp:[2001:db8::1]:443",
		"192.0.2.7 tcp:192.0.2.7:443",
		"192.0.2.7 tcp:192.0.2.7:9000",
	}, found)
	assert.Equal(t, []string{"2001:db8::1", "192.0.2.7"}, literals(stores))
	assert.Equal(t, "127.0.0.1 localhost\n127.0.1.1 box\n::1 ip6-localhost ip6-loopback\n127.0.0.3 s3.example.org\n127.0.0.4 other.example.org\n", hosts("box", stores))
	assert.Equal(t, map[string]string{"type": "proxy", "bind": "instance", "listen": "tcp:127.0.0.3:443", "connect": "tcp:there"}, proxies(stores)["store-1"])
}

func TestLayout_Refused(t *testing.T) {
	for _, a := range []sandbox.Address{{Host: "", Port: "1"}, {Host: "a", Port: ""}, {Host: "a", Port: "https"}, {Host: "a", Port: "65536"}} {
		_, err := layout([]sandbox.Address{a})
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, "%v", a)
	}
}

func TestResolve(t *testing.T) {
	for host, want := range map[string]string{"192.0.2.7": "192.0.2.7:443", "2001:db8::1": "[2001:db8::1]:443"} {
		s := store{host: host, port: "443"}
		require.NoError(t, s.resolve(t.Context()))
		assert.Equal(t, want, s.target)
	}
}

func TestDisk(t *testing.T) {
	assert.Equal(t, int64(10<<30), Provider{}.disk(sandbox.Spec{Need: 1 << 30}))
	assert.Equal(t, int64(40<<30), Provider{}.disk(sandbox.Spec{Need: 20 << 30}))
	assert.Equal(t, int64(1<<30), Provider{Disk: 1 << 30}.disk(sandbox.Spec{Need: 20 << 30}))
}

func TestLimits(t *testing.T) {
	assert.Equal(t, map[string]string{"boot.autostart": "false", "security.guestapi": "false"}, Provider{}.limits())
	assert.Equal(t, map[string]string{"boot.autostart": "false", "security.guestapi": "false", "limits.memory": "1073741824", "limits.cpu": "2"},
		Provider{Memory: 1 << 30, CPUs: 2}.limits())
}

// What is written into the tags is read again.
func TestTags(t *testing.T) {
	now := time.Now()
	config := tags(sandbox.Spec{Stanza: "main", Run: "r1"}, now)
	read, ok := readTag(api.Instance{InstancePut: api.InstancePut{Config: config}})
	require.True(t, ok)
	assert.Equal(t, "r1 main", read.run+" "+read.stanza)
	assert.True(t, read.alive())
	assert.True(t, read.owner.self())
	assert.False(t, read.expired(now.Add(usualLife-time.Minute)))
	assert.True(t, read.expired(now.Add(usualLife+time.Minute)))
	until := now.Add(time.Hour)
	assert.Equal(t, strconv.FormatInt(until.Unix(), 10), tags(sandbox.Spec{Until: until}, now)[keyExpires])
	delete(config, keyRun)
	_, ok = readTag(api.Instance{InstancePut: api.InstancePut{Config: config}})
	assert.False(t, ok, "an instance without our tags is none of ours")
}

// Who may be removed: see also what incustest does for real.
func TestVerdict(t *testing.T) {
	now := time.Now()
	past, future := now.Add(-time.Hour), now.Add(time.Hour)
	self, ok := parseOwner(thisOwner())
	require.True(t, ok)
	parent := self
	parent.pid, parent.started = os.Getppid(), startOf(os.Getppid())
	dead, rebooted, foreign := self, parent, parent
	dead.started = "1"
	rebooted.boot = "boot-before"
	foreign.machine = "another"
	for name, c := range map[string]struct {
		tag    tag
		remove bool
		says   string
	}{
		"own":                {tag{owner: self, known: true, expires: past}, false, ""},
		"alive":              {tag{owner: parent, known: true, expires: past}, false, "is alive"},
		"alive, kept":        {tag{owner: parent, known: true, expires: past, kept: true}, false, "is alive"},
		"dead":               {tag{owner: dead, known: true, expires: future}, true, "dead"},
		"dead, kept":         {tag{owner: dead, known: true, expires: future, kept: true}, false, ""},
		"kept too long":      {tag{owner: dead, known: true, expires: past, kept: true}, true, "time is over"},
		"rebooted":           {tag{owner: rebooted, known: true, expires: future}, true, "dead"},
		"elsewhere":          {tag{owner: foreign, known: true, expires: future}, false, ""},
		"elsewhere too old":  {tag{owner: foreign, known: true, expires: past}, true, "another machine"},
		"nobody knows whose": {tag{expires: future}, false, ""},
		"without an end":     {tag{owner: foreign, known: true}, false, ""},
	} {
		remove, why := c.tag.verdict(now)
		assert.Equal(t, c.remove, remove, name)
		assert.True(t, strings.Contains(why, c.says) && (c.says != "" || why == ""), "%s: %s", name, why)
	}
}

func TestParseOwner(t *testing.T) {
	for _, text := range []string{"", "a b c d", "a b 1", "a b 0 1", "a b 1 2 3"} {
		_, ok := parseOwner(text)
		assert.False(t, ok, text)
	}
}

// Folders are read-only, at their own path, with the ids of this machine.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	repo := filepath.Join(dir, "repo")
	require.NoError(t, os.Mkdir(repo, 0o755))
	devices, _, err := (&Daemon{here: true}).folders([]string{repo + "/"})
	require.NoError(t, err)
	assert.Equal(t, map[string]map[string]string{
		"folder-1": {"type": "disk", "source": repo, "path": repo, "readonly": "true", "shift": "true"},
	}, devices)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for path, want := range map[string]reason.Reason{
		"relative": reason.ConfigInvalid, "/": reason.ConfigInvalid, file: reason.ConfigInvalid, filepath.Join(dir, "gone"): reason.NoBackup,
	} {
		_, _, err = (&Daemon{here: true}).folders([]string{path})
		why, _ := reason.Of(err)
		assert.Equal(t, want, why, path)
	}
	_, _, err = (&Daemon{}).folders([]string{repo})
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
}

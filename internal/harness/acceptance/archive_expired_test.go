package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// WAL that expire took on purpose is no hole, and a hole that it did not make is one. The policy
// wants more of the archive: that it is red for the option is the option's fault alone.
func TestChecks_ArchiveExpired(t *testing.T) { archiveExpiredFaults.run(t) }

var archiveExpiredFaults = register("TestChecks_ArchiveExpired", movedUsers, []row{
	checkFault{
		name: "OnPurpose", inject: takenByExpire("repo1-retention-archive=1"),
		exit: 1, why: reason.PolicyViolated, red: "policy", words: "repo1-retention-archive=1",
	},
	checkFault{
		name:   "OnPurposeByDiffs",
		inject: takenByExpire("repo1-retention-archive=2", "repo1-retention-archive-type=diff"),
		exit:   1, why: reason.PolicyViolated, red: "policy", words: "repo1-retention-archive-type=diff",
	},
	checkFault{
		name: "AndLostAfterTheNewest", inject: inOrderOf(
			takenByExpire("repo1-retention-archive=1"), without(archived("{middle}")),
		),
		exit: 1, why: reason.PolicyViolated, red: "policy archive",
	},
	checkFault{
		name: "AndLostWhatABackupNeeds", inject: inOrderOf(
			takenByExpire("repo1-retention-archive=1"), without(archived("{fullstop}")),
		),
		exit: 1, why: reason.PolicyViolated, red: "policy archive",
	},
	checkFault{
		name: "LostAndNothingIsExpired", inject: without(archived("{between}")),
		exit: 1, why: reason.WALMissing, red: "archive", words: "{between}",
	},
	checkFault{
		name: "LostInPart", inject: inOrderOf(
			set("repo1-retention-archive=1"), without(archived("{between}")),
		),
		exit: 1, why: reason.PolicyViolated, red: "policy archive",
	},
	fault{
		name: "AnOldSet", inject: takenByExpire("repo1-retention-archive=1"), args: "-set {full}",
		exit: 1, why: reason.WALMissing, step: "preflight",
		words: "repo1-retention-archive=1 | leaves the archive whole from backup {newest} on",
	},
	fault{name: "TheNewestSet", inject: takenByExpire("repo1-retention-archive=1"), exit: 0, why: reason.None},
})

// set puts options of the repository into the conf.
func set(options ...string) func(*repoCopy) {
	return func(rc *repoCopy) {
		for _, option := range options {
			name, value, _ := strings.Cut(option, "=")
			rc.set(name, value)
		}
	}
}

// takenByExpire has pgBackRest itself expire the copy of the repository by some options.
func takenByExpire(options ...string) func(*repoCopy) {
	return func(rc *repoCopy) {
		set(options...)(rc)
		before := len(rc.files("{wal}/*/*"))
		argv := []string{
			"pgbackrest", "--stanza=" + stanza, "--config=" + rc.conf(), "--lock-path=" + rc.file("tmp/lock"),
			"--repo1-type=posix", "--repo1-path=" + rc.repo(), "--log-level-file=off", "--log-level-console=warn",
			"expire",
		}
		if os.Geteuid() == 0 {
			argv = append([]string{"runuser", "-u", "postgres", "--"}, argv...)
		}
		said, err := exec.CommandContext(rc.t.Context(), argv[0], argv[1:]...).CombinedOutput()
		require.NoError(rc.t, err, "%s", said)
		require.NoError(rc.t, os.RemoveAll(filepath.Join(rc.tmp(), "lock")))
		require.Less(rc.t, len(rc.files("{wal}/*/*")), before, "expire took nothing")
	}
}

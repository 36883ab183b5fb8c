package lab

import (
	"context"
	"time"
)

const copyTime = time.Minute

// copyScript gives what stanza $2 has in the repository $1 now another name, $3. Backups first: what they need of the
// archive is there then.
const copyScript = `cd "$1" && for part in backup archive; do
	rm -rf "$part/$3" && cp -a "$part/$2" "$part/$3" || exit
done`

// removeScript removes stanza $2 from the repository $1.
const removeScript = `cd "$1" && rm -rf "backup/$2" "archive/$2"`

// CopyStanza makes of a stanza, as it is now, one of another name in the same repository, a directory of the object
// store. Nobody archives to it: what it has grows old.
func (l *Lab) CopyStanza(ctx context.Context, repository, stanza, name string) error {
	ctx, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	return root(ctx, l.Node(storeNode), "sh", "-c", copyScript, "sh", repository, stanza, name)
}

// RemoveStanza removes such a one.
func (l *Lab) RemoveStanza(ctx context.Context, repository, name string) error {
	ctx, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	return root(ctx, l.Node(storeNode), "sh", "-c", removeScript, "sh", repository, name)
}

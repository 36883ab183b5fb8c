package compare

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
)

// Refusal is a database that takes connections, and could not be entered or listed all the same.
type Refusal struct {
	Why     string // for a sentence
	Code    string // SQLSTATE, "" of what the server did not say
	Damaged bool   // it is for what is stored, not for this machine, the role or the session
}

// refusal is what an error in the place of a database's list says.
func refusal(err error) Refusal {
	r := Refusal{Why: strings.Join(strings.Fields(err.Error()), " "), Code: code(err)}
	if _, ours := reason.Of(err); ours { // such as a locale that is not installed here
		return r
	}
	answer, ok := errors.AsType[*pgconn.PgError](err)
	kind := KindOf(err) // of a row that is there and a directory that is not, Gone (postinit.c)
	r.Damaged = ok && (kind == Damage || damagedClone(kind, err) ||
		strings.HasSuffix(answer.Message, "is not a valid data directory")) // nor is its PG_VERSION (miscinit.c)
	return r
}

// noLogin is the code of a role that is not there, or may not log in (miscinit.c, InitializeSessionUserId).
const noLogin = "28000"

// authid is the catalog of roles, which all databases share (catalog/pg_authid.h).
var authid = ID{OID: 1260}

// NoLogin says of a side that could not be entered at all that its server does not know the role as a login.
func (s Side) NoLogin() bool {
	for _, refused := range s.Refused {
		if refused.Code != noLogin {
			return false
		}
	}
	return len(s.Refused) > 0 && len(s.Databases) == 0
}

// RoleDiffers adds the difference that a role may log in on one side, and not on the other.
func (r *Result) RoleDiffers(role string) {
	r.Relations++
	r.differ(authid, "pg_catalog.pg_authid", "role %s may log in on %s, not in %s", role, r.pair.One, r.pair.Other)
}

// databases compares which databases there are, and can be entered. What a standby and its clone cannot agree on for
// another reason than damage is left out: a name may have changed between the list and the snapshot.
func (r *Result) databases(one, other Side, left map[ID]bool) {
	for _, name := range one.Databases {
		r.entered(name, other, r.pair.Other, r.pair.One, left)
	}
	for name, why := range one.Refused {
		if !slices.Contains(other.Databases, name) {
			r.leaveOut(name, fmt.Sprintf("%s cannot be asked for it: %s", r.pair.One, why.Why), left)
		}
	}
	if !r.pair.Clones {
		for _, name := range other.Databases {
			if !slices.Contains(one.Databases, name) {
				r.leaveOut(name, "it was made, or opened to connections, while the standby was being frozen", left)
			}
		}
		return
	}
	for _, name := range other.Databases {
		r.entered(name, one, r.pair.One, r.pair.Other, left)
	}
}

// entered judges a database that was entered on one side, by name by, and may not have been on the other.
func (r *Result) entered(name string, on Side, called, by string, left map[ID]bool) {
	id := ID{Database: name}
	refused, tried := on.Refused[name]
	switch {
	case slices.Contains(on.Databases, name), left[id]:
	case refused.Damaged:
		r.differ(id, "", "%s cannot enter it (SQLSTATE %s), %s can: %s", called, refused.Code, by, refused.Why)
	case tried:
		r.leaveOut(name, fmt.Sprintf("%s cannot be asked for it: %s", called, refused.Why), left)
	case !r.pair.Clones:
		r.leaveOut(name, called+" does not list it, or it takes no connections there", left)
	case slices.ContainsFunc(on.Closed, func(l LeftOut) bool { return l.Database == name }):
		r.differ(id, "", "it takes no connections in %s, and does in %s", called, by)
	default:
		r.differ(id, "", "is missing in %s", called)
	}
}

// leaveOut leaves a database out, once.
func (r *Result) leaveOut(name, why string, left map[ID]bool) {
	if id := (ID{Database: name}); !left[id] {
		left[id] = true
		r.LeftOut = append(r.LeftOut, LeftOut{ID: id, Why: why})
	}
}

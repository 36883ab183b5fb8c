package verify

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Kinds of value a check tells apart; the words stand in sentences.
const (
	kindNumber = "a number"
	kindBool   = "a boolean"
	kindMoment = "a timestamptz"
	kindText   = "text"
)

// value is the one result of a query.
type value struct {
	text   string // as PostgreSQL writes it; a moment in UTC
	kind   string
	number *big.Rat  // of kindNumber
	moment time.Time // of kindMoment
}

// newValue reads a result column. Moments come in binary, so that no DateStyle or
// TimeZone of the database can change them; all else comes as text.
func newValue(oid uint32, raw []byte) (value, error) {
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID:
		number, ok := new(big.Rat).SetString(string(raw))
		if !ok { // NaN, Infinity
			return value{}, fmt.Errorf("%s, which is no number to compare with", excerpt(string(raw)))
		}
		return value{text: string(raw), kind: kindNumber, number: number}, nil
	case pgtype.BoolOID:
		return value{text: string(raw), kind: kindBool}, nil
	case pgtype.TimestamptzOID:
		return newMoment(raw)
	case pgtype.TimestampOID, pgtype.DateOID:
		return value{text: string(raw), kind: "a moment without time zone"}, nil
	default:
		return value{text: string(raw), kind: kindText}, nil
	}
}

func newMoment(raw []byte) (value, error) {
	var ts pgtype.Timestamptz
	if err := pgtype.NewMap().Scan(pgtype.TimestamptzOID, pgtype.BinaryFormatCode, raw, &ts); err != nil {
		return value{}, fmt.Errorf("a timestamptz that cannot be read: %w", err)
	}
	if ts.InfinityModifier != pgtype.Finite {
		return value{}, fmt.Errorf("%s, which is no moment", ts.InfinityModifier)
	}
	moment := ts.Time.UTC()
	return value{text: moment.Format(time.RFC3339Nano), kind: kindMoment, moment: moment}, nil
}

// String shows the value in a sentence; text is quoted, so that blanks are seen.
func (v value) String() string {
	if v.kind == kindText {
		return strconv.Quote(truncate(v.text))
	}
	return v.text
}

func (v value) float() (float64, bool) {
	if v.number == nil {
		return 0, false
	}
	f, _ := v.number.Float64()
	return f, true
}

// excerpt makes text of unknown length and shape fit into a sentence: one line, bounded,
// never empty.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "-"
	}
	return truncate(text)
}

// truncate bounds a text.
func truncate(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

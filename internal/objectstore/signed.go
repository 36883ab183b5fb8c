package objectstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// algorithm is the only one pgBackRest signs with.
const algorithm = "AWS4-HMAC-SHA256"

// user is somebody who has a secret to sign with.
type user struct {
	secret string
	reads  bool // and nothing else
}

// signed lets through the requests that a user, known by key, has signed
// (Signature Version 4, in the header) and refuses the others as Amazon does:
// gofakes3 looks at no signature, and wrong credentials must be seen as wrong.
// The payload is not compared with its hash.
func signed(users map[string]user, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, scope, headers, signature, ok := authorization(r.Header.Get("Authorization"))
		who, known := users[id]
		switch {
		case !ok:
			refuse(w, "AccessDenied", "Access Denied.")
		case !known:
			refuse(w, "InvalidAccessKeyId", "The access key id you provided does not exist in our records.")
		case !hmac.Equal([]byte(signature), []byte(sign(r, who.secret, scope, headers))):
			refuse(w, "SignatureDoesNotMatch",
				"The request signature we calculated does not match the signature you provided.")
		case who.reads && r.Method != http.MethodGet && r.Method != http.MethodHead:
			refuse(w, "AccessDenied", "Access Denied.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, code, message string) {
	failWith(w, http.StatusForbidden, code, message)
}

// authorization takes the header apart: key id, scope (date/region/service/aws4_request),
// the names of the signed headers, and the signature.
func authorization(header string) (id, scope string, headers []string, signature string, ok bool) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return "", "", nil, "", false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			id, scope, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			headers = strings.Split(value, ";")
		case "Signature":
			signature = value
		}
	}
	return id, scope, headers, signature, id != "" && strings.Count(scope, "/") == 3 && signature != ""
}

// sign computes the signature a request must carry.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func sign(r *http.Request, secret, scope string, headers []string) string {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	canonical := []string{r.Method, path, canonicalQuery(query)}
	for _, name := range headers {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		canonical = append(canonical, name+":"+strings.TrimSpace(value))
	}
	canonical = append(canonical, "", strings.Join(headers, ";"), r.Header.Get("X-Amz-Content-Sha256"))
	hash := sha256.Sum256([]byte(strings.Join(canonical, "\n")))
	toSign := strings.Join([]string{algorithm, r.Header.Get("X-Amz-Date"), scope, hex.EncodeToString(hash[:])}, "\n")
	mac := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		mac = sum(mac, part)
	}
	return hex.EncodeToString(sum(mac, toSign))
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalQuery sorts the parameters and gives each an equals sign; they come encoded.
func canonicalQuery(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, p := range parts {
		if !strings.Contains(p, "=") {
			parts[i] = p + "="
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

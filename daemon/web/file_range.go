package web

import (
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxRanges is the most ranges one request may ask for; above it the whole
// file is sent, which costs us less than many small parts.
const maxRanges = 10

// byteRange is a satisfiable part of a file: length > 0, within the file.
type byteRange struct{ start, length int64 }

func (ra byteRange) contentRange(size int64) string {
	b := make([]byte, 0, 48)
	b = append(b, "bytes "...)
	b = strconv.AppendInt(b, ra.start, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, ra.start+ra.length-1, 10)
	b = append(b, '/')
	return string(strconv.AppendInt(b, size, 10))
}

// ranges are the parts to send; none means the whole file. It reports false
// when the header asks only for bytes that do not exist.
func (f *File) ranges(h http.Header) (parts []byteRange, satisfiable bool) {
	header := h["Range"]
	if len(header) != 1 || f.Size == 0 || !f.ifRange(h) {
		return nil, true // Range is not a list field: two of them say nothing
	}
	parts, valid := parseRange(header[0], f.Size)
	if !valid {
		return nil, true
	}
	if len(parts) == 0 {
		return nil, false
	}
	if overlap(parts) {
		return nil, true
	}
	return parts, true
}

// parseRange reads a Range header (RFC 9110 §14.1.1, §14.2) for a file of size
// > 0 bytes. Ranges that lie outside the file are left out. It reports false
// for a header to ignore: not of the grammar, another unit, too many ranges.
func parseRange(header string, size int64) (parts []byteRange, valid bool) {
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return nil, false
	}
	count := 0
	for more := true; more; {
		var spec string
		spec, set, more = strings.Cut(set, ",")
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue // lists may have empty elements, §5.6.1.2
		}
		if count++; count > maxRanges {
			return nil, false
		}
		ra, ok := parseRangeSpec(spec, size)
		if !ok {
			return nil, false
		}
		if ra.length > 0 {
			parts = append(parts, ra)
		}
	}
	return parts, count > 0
}

// parseRangeSpec reads "a-b", "a-" or "-n". A range outside the file has
// length 0.
func parseRangeSpec(spec string, size int64) (byteRange, bool) {
	first, last, ok := strings.Cut(spec, "-")
	if !ok || first == "" && last == "" {
		return byteRange{}, false
	}
	if first == "" {
		n, ok := parsePosition(last)
		n = min(n, size)
		return byteRange{size - n, n}, ok
	}
	from, ok := parsePosition(first)
	if !ok {
		return byteRange{}, false
	}
	to := size - 1
	if last != "" {
		n, ok := parsePosition(last)
		if !ok || compareDigits(last, first) < 0 {
			return byteRange{}, false
		}
		to = min(to, n)
	}
	if from >= size {
		return byteRange{}, true
	}
	return byteRange{from, to - from + 1}, true
}

// parsePosition reads decimal digits; a number too big for any file becomes
// the biggest int64.
func parsePosition(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = 1<<63 - 1 // only the size can be wrong now
	}
	return n, s != ""
}

// compareDigits compares two decimal numbers of any length.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func overlap(parts []byteRange) bool {
	if len(parts) < 2 {
		return false
	}
	sorted := slices.SortedFunc(slices.Values(parts), func(a, b byteRange) int {
		switch {
		case a.start < b.start:
			return -1
		case a.start > b.start:
			return 1
		}
		return 0
	})
	for i, p := range sorted[1:] {
		if before := sorted[i]; before.start+before.length > p.start {
			return true
		}
	}
	return false
}

// sendParts sends several ranges as multipart/byteranges (RFC 9110 §14.6).
func (f *File) sendParts(w http.ResponseWriter, r *http.Request, ranges []byteRange) {
	partType := f.ContentType
	if partType == "" {
		partType = octetStream[0]
	}
	boundary := rand.Text()
	heads := make([]string, len(ranges))
	tail := "\r\n--" + boundary + "--\r\n"
	total := int64(len(tail))
	for i, ra := range ranges {
		heads[i] = "\r\n--" + boundary + "\r\nContent-Type: " + partType +
			"\r\nContent-Range: " + ra.contentRange(f.Size) + "\r\n\r\n"
		if i == 0 {
			heads[i] = heads[i][2:]
		}
		total += int64(len(heads[i])) + ra.length
	}
	f.setHeader(w.Header(), total)
	w.Header()["Content-Type"] = []string{"multipart/byteranges; boundary=" + boundary}
	w.WriteHeader(http.StatusPartialContent)
	if r.Method == http.MethodHead {
		return
	}
	for i, ra := range ranges {
		if _, err := io.WriteString(w, heads[i]); err != nil {
			return // see ServeFile on failures
		}
		if err := sendSection(w, &fileSection{f: f.Content, off: ra.start, n: ra.length}); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, tail)
}

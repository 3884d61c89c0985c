package web

import (
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	oracleHeader = regexp.MustCompile(`^(?i:bytes)=(.*)$`)
	oracleSpec   = regexp.MustCompile(`^[ \t]*(?:([0-9]*)-([0-9]*))?[ \t]*$`)
)

// oracleRange is RFC 9110 §14.1.2 word for word, with numbers of any length.
func oracleRange(header string, size int64) (parts []byteRange, valid bool) {
	m := oracleHeader.FindStringSubmatch(header)
	if m == nil || strings.Contains(header, "\n") {
		return nil, false
	}
	count := 0
	for _, spec := range strings.Split(m[1], ",") {
		s := oracleSpec.FindStringSubmatch(spec)
		if s == nil {
			return nil, false
		}
		if strings.Trim(spec, " \t") == "" {
			continue
		}
		count++
		if s[1] == "" && s[2] == "" {
			return nil, false
		}
		total := big.NewInt(size)
		from, to := new(big.Int), new(big.Int).Sub(total, big.NewInt(1))
		switch {
		case s[1] == "":
			n, _ := new(big.Int).SetString(s[2], 10)
			if n.Cmp(total) < 0 {
				from.Sub(total, n)
			}
		default:
			from.SetString(s[1], 10)
			if s[2] != "" {
				last, _ := new(big.Int).SetString(s[2], 10)
				if last.Cmp(from) < 0 {
					return nil, false
				}
				if last.Cmp(to) < 0 {
					to = last
				}
			}
		}
		if from.Cmp(total) < 0 {
			parts = append(parts, byteRange{from.Int64(), to.Int64() - from.Int64() + 1})
		}
	}
	if count == 0 || count > maxRanges {
		return nil, false
	}
	return parts, true
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{
		"bytes=0-4", "bytes=-5", "bytes=5-", "bytes=0-1,3-4", "Bytes=1-1", "bytes=,,1-2,,", "bytes=9223372036854775807-",
		"bytes=-9223372036854775808", "bytes=00018446744073709551616-2", "bytes=5-4", "items=1-2", "bytes=\t1-2 ,3-",
		"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9", "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10", "bytes==1-2", "bytes=1-2=",
	} {
		f.Add(seed, int64(10))
		f.Add(seed, int64(1)<<62)
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size <= 0 {
			return
		}
		got, gotValid := parseRange(header, size)
		want, wantValid := oracleRange(header, size)
		if !gotValid {
			got = nil
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(byteRange{})); d != "" || gotValid != wantValid {
			t.Fatalf("%q of %d: valid %v, want %v; (-want +got):\n%s", header, size, gotValid, wantValid, d)
		}
		if overlap(got) != oracleOverlap(got) {
			t.Fatalf("overlap of %v", got)
		}
	})
}

func oracleOverlap(parts []byteRange) bool {
	for i, a := range parts {
		for _, b := range parts[:i] {
			if a.start < b.start+b.length && b.start < a.start+a.length {
				return true
			}
		}
	}
	return false
}

package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Sizes of what stands around the records of a segment, since PostgreSQL 9.5 (xlog_internal.h,
// xlogrecord.h).
const (
	shortPageHeader = 24
	longPageHeader  = 40 // of a segment's first page; its last four bytes are the size of a page
	recordHeader    = 24 // its last four bytes are the CRC of the data, then of what is before them
	crcAt           = recordHeader - 4
)

// InPlace makes the record at a position, which created a tablespace at a location, create it in place:
// in pg_tblspc itself, where replay takes what is there already. Nothing else in the segment changes
// but the checksum of the record. The error says why there is no such record.
func InPlace(segment []byte, at LSN, oid uint32, location string) error {
	return changeRecord(segment, at, tablespace{oid, location}, location, 0)
}

// AtLocation undoes InPlace: the record creates the tablespace at its location again.
func AtLocation(segment []byte, at LSN, oid uint32, location string) error {
	if location == "" {
		return errors.New("it has no location")
	}
	return changeRecord(segment, at, tablespace{oid, location}, "\x00"+location[1:], location[0])
}

// tablespace is one that a record creates.
type tablespace struct {
	oid      uint32
	location string
}

// changeRecord gives the record at a position, which creates a tablespace and has a text for its location, another
// first byte of that.
func changeRecord(segment []byte, at LSN, made tablespace, has string, first byte) error {
	places, record, err := recordAt(segment, at)
	if err != nil {
		return err
	}
	data := append(binary.LittleEndian.AppendUint32(nil, made.oid), has+"\x00"...)
	if has == "" || !bytes.HasSuffix(record, data) {
		return fmt.Errorf("the record does not create tablespace %d at %s", made.oid, made.location)
	}
	record[len(record)-len(has)-1] = first
	binary.LittleEndian.PutUint32(record[crcAt:], checksum(record))
	for i, place := range places {
		segment[place] = record[i]
	}
	return nil
}

// recordAt is the record at a position, and the places of its bytes.
func recordAt(segment []byte, at LSN) (places []uint64, record []byte, err error) {
	if len(segment) < longPageHeader {
		return nil, nil, errors.New("it is no segment")
	}
	page := uint64(binary.LittleEndian.Uint32(segment[longPageHeader-4:]))
	if page < 512 || page&(page-1) != 0 || uint64(len(segment))%page != 0 {
		return nil, nil, fmt.Errorf("it has pages of %d bytes", page)
	}
	first := uint64(at) % uint64(len(segment))
	if places, err = recordBytes(segment, first, page, recordHeader); err != nil {
		return nil, nil, err
	}
	length := binary.LittleEndian.Uint32(gather(segment, places))
	if length < recordHeader || uint64(length) > page { // a path is no longer
		return nil, nil, fmt.Errorf("a record of %d bytes is none of a tablespace", length)
	}
	if places, err = recordBytes(segment, first, page, int(length)); err != nil {
		return nil, nil, err
	}
	record = gather(segment, places)
	if checksum(record) != binary.LittleEndian.Uint32(record[crcAt:]) {
		return nil, nil, errors.New("the record is damaged")
	}
	return places, record, nil
}

// recordBytes are the places of a record's bytes, which the headers of pages interrupt.
func recordBytes(segment []byte, place, page uint64, length int) (places []uint64, err error) {
	for len(places) < length {
		if place%page == 0 {
			place += shortPageHeader
		}
		if place >= uint64(len(segment)) {
			return nil, errors.New("the record goes on in the next segment")
		}
		places = append(places, place)
		place++
	}
	return places, nil
}

func gather(segment []byte, places []uint64) []byte {
	content := make([]byte, len(places))
	for i, place := range places {
		content[i] = segment[place]
	}
	return content
}

func checksum(record []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(record[recordHeader:], table), table, record[:crcAt])
}

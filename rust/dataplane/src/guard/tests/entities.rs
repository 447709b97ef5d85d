//! Each entity: what is found and what is not.

use super::masked;

fn assert_masked(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(masked(text), *expected, "{text}");
    }
}

fn assert_untouched(cases: &[&str]) {
    for text in cases {
        assert_eq!(masked(text), *text);
    }
}

#[test]
fn emails_are_found() {
    assert_masked(&[
        ("joe@example.com", "[EMAIL_1]"),
        ("Mail joe@example.com.", "Mail [EMAIL_1]."),
        ("(joe.q+tag@mail.example.co.uk)", "([EMAIL_1])"),
        ("<joe_x%y-z@xn--bcher-kva.example>", "<[EMAIL_1]>"),
        ("mailto:o'brien@example.org?subject=x", "mailto:[EMAIL_1]?subject=x"),
        ("'joe@example.com'", "'[EMAIL_1]'"),
        ("email=joe@example.com&x=1", "email=[EMAIL_1]&x=1"),
        ("邮箱joe@example.com请", "邮箱[EMAIL_1]请"),
        ("Schreib jörg@müller.de!", "Schreib [EMAIL_1]!"),
        ("иван@пример.рф", "[EMAIL_1]"),
        ("a@b@c.com", "a@[EMAIL_1]"),
        ("joe@x.com joe@y.com joe@x.com", "[EMAIL_1] [EMAIL_2] [EMAIL_1]"),
        ("4155552671@x.com", "[EMAIL_1]"),
        ("4111111111111111@x.com", "[EMAIL_1]"),
        ("415-555-2671@txt.example.com", "[EMAIL_1]"),
        ("joe@x.com-", "[EMAIL_1]-"),
        ("joe@x.com...", "[EMAIL_1]..."),
        ("joe@mail.example2.com7", "[EMAIL_1]"),
    ]);
}

#[test]
fn what_is_no_email_stays() {
    assert_untouched(&[
        "joe@localhost",
        "@example.com",
        "joe@",
        "@",
        "joe @example.com",
        "joe@192.0.2.1",
        "joe@[192.0.2.1]",
        "lodash@4.17.21",
        "joe@.com",
        "joe@x.c",
        "see @mention and a@b",
        "joe\u{ff20}example.com",
    ]);
}

#[test]
fn a_long_run_before_an_at_sign_loses_its_last_64_octets() {
    let text = format!("{}@x.com", "a".repeat(100));
    assert_eq!(masked(&text), format!("{}[EMAIL_1]", "a".repeat(36)));
    let text = format!("{}@x.com", "ä".repeat(50));
    assert_eq!(masked(&text), format!("{}[EMAIL_1]", "ä".repeat(18)));
}

#[test]
fn an_email_has_at_most_254_octets() {
    let text = format!("joe@{}com", "abcde.".repeat(60));
    let kept = masked(&text);
    assert_eq!(kept, format!("[EMAIL_1]{}", &text[254..]));
}

#[test]
fn cards_are_found() {
    assert_masked(&[
        ("4111111111111111", "[CARD_1]"),
        ("4111 1111 1111 1111.", "[CARD_1]."),
        ("4111-1111-1111-1111", "[CARD_1]"),
        ("4111\u{2011}1111\u{2011}1111\u{2011}1111", "[CARD_1]"),
        ("4111\u{202f}1111\u{a0}1111\u{2009}1111", "[CARD_1]"),
        ("4222222222222", "[CARD_1]"),
        ("Visa 4111 1111 1111 1111 123 12/29", "Visa [CARD_1] 123 12/29"),
        ("5500 0000 0000 0004", "[CARD_1]"),
        ("2223003122003222", "[CARD_1]"),
        ("3782 822463 10005", "[CARD_1]"),
        ("6011 1111 1111 1117", "[CARD_1]"),
        ("3056 930902 5904", "[CARD_1]"),
        ("3530 1113 3330 0000", "[CARD_1]"),
        ("6200 0000 0000 0005", "[CARD_1]"),
        ("2200 0000 0000 0004", "[CARD_1]"),
        ("6759 6498 2643 8453", "[CARD_1]"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[CARD_1]"),
        ("卡号4111111111111111有效", "卡号[CARD_1]有效"),
        ("12 4111 1111 1111 1111 2029", "12 [CARD_1] 2029"),
        ("4111111111111111,4111 1111 1111 1111", "[CARD_1],[CARD_2]"),
        ("1234567890123456789012 4111111111111111", "1234567890123456789012 [CARD_1]"),
        ("card-4111-1111-1111-1111", "card-[CARD_1]"),
    ]);
}

#[test]
fn what_is_no_card_stays() {
    assert_untouched(&[
        "4111111111111112",
        "411111111111",
        "14111111111111111",
        "41111111111111110000",
        "1111111111111117",
        "0.4111111111111111",
        "4111111111111111.5",
        "a4111111111111111",
        "4111111111111111b",
        "4111  1111 1111 1111",
        "4111.1111.1111.1111",
        "4111_1111_1111_1111",
        "41111111-1111-1111-1111-111111111111",
        "1 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    ]);
}

#[test]
fn phones_are_found() {
    for phone in [
        "+14155552671",
        "+1 415 555 2671",
        "+1 (415) 555-2671",
        "+1(415)555-2671",
        "+44 (0)20 7946 0958",
        "+49 30 1234567",
        "+49/30/1234567",
        "+49.30.1234567",
        "+1234567",
        "+123456789012345",
        "+33\u{a0}6\u{202f}12\u{202f}34\u{202f}56\u{202f}78",
        "+1\u{2011}415\u{2011}555\u{2011}2671",
        "(415) 555-2671",
        "(415)555-2671",
        "(030) 123456",
        "(11) 98765-4321",
        "1 (415) 555-2671",
        "8 (495) 123-45-67",
        "1-800-555-0199",
        "415-555-2671",
        "415.555.2671",
        "415 555 2671",
        "415 555-2671",
        "123-456-7890",
        "555-0199",
        "020 7946 0958",
        "030/1234567",
        "0171-1234567",
        "03-1234-5678",
        "090-1234-5678",
        "06 12 34 56 78",
        "01.23.45.67.89",
        "0044 20 7946 0958",
        "139 1234 5678",
        "11 98765-4321",
        "98765 43210",
        "495 123-45-67",
        "91 123 45 67",
        "612-345-678",
        "1300 123 456",
    ] {
        assert_masked(&[(phone, "[PHONE_1]"), (&format!("call {phone}, or"), "call [PHONE_1], or")]);
        assert_masked(&[(&format!("电话{phone}。"), "电话[PHONE_1]。"), (&format!("\"{phone}\""), "\"[PHONE_1]\"")]);
    }
    assert_masked(&[
        ("415-555-2671x12", "[PHONE_1]x12"),
        ("415-555-2671.", "[PHONE_1]."),
        ("+1 415 555 2671 2026", "[PHONE_1] 2026"),
        ("+14155552671 2026", "[PHONE_1] 2026"),
        ("415 555 2671 408 555 1234", "[PHONE_1] [PHONE_2]"),
        ("020 7946 0958 12:30", "[PHONE_1] 12:30"),
        ("tel(415)555-2671", "tel[PHONE_1]"),
        ("(415-555-2671)", "([PHONE_1])"),
    ]);
}

#[test]
fn what_is_no_phone_stays() {
    assert_untouched(&[
        "4155552671",
        "1234567",
        "2026-11-21",
        "21-11-2026",
        "01-02-2026",
        "01.02.2026 12:30",
        "01/02/2026 1030 45",
        "11/21/2026",
        "2026-11-21T09:21:00",
        "2026-11-21 09:21:00.123456",
        "192.168.100.200",
        "010.001.002.003",
        "10.0.0.1:8080",
        "3.14159265",
        "+3.14159265",
        "0.1234567",
        "37.7749 -122.4194",
        "12345678-1234-1234-1234-123456789012",
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
        "612 345 678",
        "1 000 000",
        "12.345.678",
        "500-2000",
        "2020-2021",
        "123-45-6789",
        "00 01 02 03 04 05 06 07",
        "(2019) 345-367",
        "C++ 11",
        "f(12) 34",
        "x415-555-2671",
        "415-555-2671a",
        "1-415-555-26712",
        "+1234567890123456",
        "+0 123 456 789",
        "12345 67890",
    ]);
}

#[test]
fn literal_placeholders_keep_their_number_to_themselves() {
    assert_masked(&[
        ("[EMAIL_1] joe@x.com", "[EMAIL_1] [EMAIL_2]"),
        ("[EMAIL_2] a@x.com b@x.com", "[EMAIL_2] [EMAIL_1] [EMAIL_3]"),
        (
            "[EMAIL_01] [EMAIL_] [EMAIL_1234567] [email_1] [EMAIL 1] a@x.com",
            "[EMAIL_01] [EMAIL_] [EMAIL_1234567] [email_1] [EMAIL 1] [EMAIL_1]",
        ),
        ("[CARD_1] a@x.com", "[CARD_1] [EMAIL_1]"),
    ]);
}

//! What a person, and a program, reads of a recovery.

use agent_checkpoint::recover::{Recovery, RecoveryReport};

use super::{Site, talk};

#[test]
fn each_finding_is_a_line_and_the_report_is_data() {
    let site = Site::new();
    let ends = talk(&mut site.open(), 8);
    site.flip(ends[1] + 36);
    site.cut(ends[7] - 5);
    let recovered = site.recover(&Recovery::default());
    let torn = ends[7] - 5 - ends[6];
    assert_eq!(
        recovered.report.to_string(),
        format!(
            "torn tail: set aside: recovered; record 8 lost; {torn} bytes behind the last whole record are in quarantine: record 8 and what follows it in that write; no save that they are of is known to be whole\n\
             damaged frame: salvage: recovered; record 3 lost; 1 messages are lost, and 1 marks stand in their place"
        )
    );
    let json = serde_json::to_string(&recovered.report).unwrap();
    let read: RecoveryReport = serde_json::from_str(&json).unwrap();
    assert_eq!(read, recovered.report);
    assert!(json.contains(r#""failure":"torn_tail","strategy":"set_aside","outcome":"recovered","lost":[{"start":8,"end":9}]"#), "{json}");
}

#[test]
fn a_sound_session_is_opened_as_it_is() {
    let site = Site::new();
    talk(&mut site.open(), 3);
    let bytes = std::fs::read(site.segment()).unwrap();
    let recovered = site.recover(&Recovery::default());
    assert!(recovered.report.is_clean() && recovered.report.may_go_on());
    assert_eq!(recovered.report.checkpoint, None);
    drop(recovered);
    assert_eq!(std::fs::read(site.segment()).unwrap(), bytes);
}

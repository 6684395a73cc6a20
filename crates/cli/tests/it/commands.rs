//! The other commands.

use crate::harness::Folder;

#[test]
fn a_database_is_made_and_brought_up_to_date() {
    let folder = Folder::new();
    folder.run(&["migrate"]).expect(0);
    folder.run(&["migrate"]).expect(0);
    assert!(folder.database().exists());
}

#[tokio::test]
async fn a_backup_is_a_whole_database_and_overwrites_nothing() {
    let folder = Folder::new();
    folder.fill().await;
    let copy = folder.0.join("copy.sqlite");
    let to = copy.display().to_string();
    folder.run(&["backup", "--to", &to]).expect(0);

    let outcome = folder.run(&["check", "--replay", "--database", &format!("sqlite:{to}")]).expect(0);
    assert_eq!(outcome.out, "2 instances checked, 0 with faults\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&copy).expect("a backup").permissions().mode() & 0o777, 0o600);
    }
    let again = folder.run(&["backup", "--to", &to]).expect(1);
    assert_eq!(again.err, format!("zhupi: `{to}` exists already\n"));
}

#[test]
fn only_a_database_of_ours_is_backed_up_and_checked() {
    let folder = Folder::new();
    let (typo, copy) = (folder.0.join("typo.sqlite"), folder.0.join("copy.sqlite"));
    let (from, to) = (format!("sqlite:{}", typo.display()), copy.display().to_string());
    let refused = |words: &str| {
        for command in [&["backup", "--to", &to][..], &["check"], &["check", "--replay"]] {
            let outcome = folder.run(&[command, &["--database", &from]].concat()).expect(1);
            assert_eq!(outcome.err, format!("zhupi: setting `database`: {words}\n"));
        }
        assert!(!copy.exists());
    };
    refused(&format!("there is no database at {}", typo.display()));
    assert!(!typo.exists());
    std::fs::write(&typo, "").expect("an empty file");
    refused("the database has no table `migrations`, so it is not one that zhupi made");
    assert_eq!(std::fs::read(&typo).expect("the same file"), b"");
}

#[test]
fn people_are_added_and_get_passwords() {
    let folder = Folder::new();
    let add = ["user", "add", "--login", "ann", "--name", "Ann"];
    folder.run_with(&add, "short\n").expect(1);
    folder.run_with(&add, "long enough\n").expect(0);
    assert_eq!(folder.run_with(&add, "long enough\n").expect(1).err, "zhupi: `login` is taken already\n");
    folder.run_with(&["user", "password", "--login", "ann"], "another one\n").expect(0);
    let nobody = folder.run_with(&["user", "password", "--login", "bob"], "another one\n").expect(1);
    assert_eq!(nobody.err, "zhupi: there is no login `bob` in workspace `default`\n");
}

#[test]
fn a_wrong_setting_is_named() {
    let folder = Folder::new();
    let outcome = folder.run(&["serve", "--demo", "--listen", "0.0.0.0:0"]).expect(1);
    assert!(outcome.err.starts_with("zhupi: setting `listen`: demo mode"), "{outcome:?}");
    folder.run(&["serve", "--no-such-setting"]).expect(2);
    let missing = folder.run(&["migrate", "--config", "/no/such/file"]).expect(1);
    assert!(missing.err.starts_with("zhupi: setting `config`: cannot read"), "{missing:?}");
}

#[test]
fn the_description_of_the_api_is_printed() {
    let outcome = Folder::new().run(&["openapi"]).expect(0);
    assert!(outcome.out.contains("\"openapi\": \"3.1.0\""));
}
